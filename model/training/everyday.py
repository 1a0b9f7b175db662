"""Plain everyday language written for this project, so that the vocabulary also knows words the world does not draw."""

ENGLISH_WORDS = """
    a about above after again against all also always am an and animal another answer any anything apple are around
    as ask at away baby back bad ball banana beach bear beautiful because become bed been before begin behind being
    below beside best better between bicycle big bike bird black blue boat body book both bottle bottom box boy
    bread bridge bright bring brown building bus but butterfly button by cake call camera can car card careful carry
    cat center chair change child children choose circle city clean clear clock close cloth clothes cloud coat
    coffee cold color colour come computer cook corner could count country cow cross cup cut dance dark day deep
    describe desk detail did different dinner dirty dish do does dog door down draw dress drink drive drop dry
    during each ear early earth eat edge egg eight elephant else empty end enough evening ever every everything
    example eye face fall family far farm fast father feel feet few field fill find fine finger finish fire first
    fish five floor flower fly food foot for forest fork four fox free friend frog from front fruit full fun game
    garden girl give glass glasses go gold good grass gray great green grey ground group grow guitar hair half hand
    happen happy hard has hat have he head hear heart heavy help her here high hill him his hold home horse hot hour
    house how hundred i ice if image important in inside instead into is it its job jump just keep key kind kitchen
    knife know lake lamp land large last late laugh leaf learn least leave left leg lemon less let letter light like
    line lion list listen little live long look lot love low lunch machine make man many map may me mean meat meet
    metal middle milk mind minute mirror money monkey month moon more morning most mother mountain mouse mouth move
    much music must my name near need never new next nice night nine no noise none north nose not note nothing now
    number object ocean of off often old on once one only open or orange other our out outside over own page paint
    paper park part party pen pencil people person phone photo piano picture piece pig pink place plane plant plate
    play please point possible pretty purple put question quick quiet rabbit rain read ready really red rest right
    ring river road rock roof room rose round run sad said same sand say school screen sea season see seem sentence
    seven shape share sharp she sheep shelf shine ship shirt shoe shop short should show side sign silver sing sit
    six size skin sky sleep slow small smile smooth snow so soft some someone something sometimes song soon sound
    south space spoon sport spring square stand star start stay step still stone stop store story strange street
    strong such summer sun sure swim table take talk tall taste teach tell ten than that the their them then there
    these they thing think this those three through time tiny to today together tomorrow too top touch toward tower
    town toy traffic train tree triangle truck true try turn two umbrella under until up use very video view voice
    wait walk wall want warm was wash watch water way we wear weather week well were wet what wheel when where which
    while white who whole why wide will wind window winter with without woman wood word work world would write wrong
    yard year yellow yes yesterday you young your zebra
"""

ENGLISH_TEXT = """\
I don't know what this is. It isn't one of the things that I can name. There's nothing else to see here. It's a
photo of a street in a city, with people walking by and a few cars waiting at the traffic lights. What's the weather
like? The sky is blue and the sun is shining, so it must be warm outside. Can you tell me what the woman is holding
in her left hand? She's holding a cup of coffee and a newspaper. How old do you think he is? I can't tell from the
picture. Is this a cat or a dog? That looks like a small dog, sitting on the grass in front of a house. Please list
everything that you can see in the image, one thing after the other. Answer in one word. Answer with yes or no.
Answer in a single sentence. Describe it in detail, as if you were talking to somebody who cannot see it. Explain
your answer briefly, please! Thank you very much. You're welcome. I'm sorry, but I'm not sure about that; the
picture is too dark and the text is too small. Where was this taken, and when? Translate the sign into English. What
brand is the car? Who is standing next to the table? Compare the first picture with the second one: which is larger,
and which is brighter? Read the number on the door (1, 2, 3 or 4). The train leaves at 10:45 and costs $5.90 or 7%.
Let's see: they've got two apples, we'd need 12 more. Hello!"""

CHINESE_TEXT = """\
我不知道这是什么。这不是我认识的东西。图片里没有别的东西。这是一张城市街道的照片，有行人
和几辆汽车。天气怎么样？天空是蓝色的，太阳很亮，外面应该很暖和。你能告诉我这个女人左手拿
着什么吗？她拿着一杯咖啡和一份报纸。他看起来多大年纪？我从图片上看不出来。这是猫还是狗？
看起来像一只小狗，坐在房子前面的草地上。请列出你能看到的所有东西。请用一个词回答。请回答
是或不是。请用一句话回答。请详细描述一下。请简单解释你的答案，谢谢！不客气。对不起，我不
太确定，图片太暗，文字太小。这是在哪里拍的？什么时候拍的？请把牌子上的字翻译成英文。这辆
车是什么牌子？谁站在桌子旁边？比较第一张和第二张图片：哪个更大，哪个更亮？读出门上的号码
。水果、动物、植物、食物、衣服、家具、电脑、手机、书、学校、老师、学生、朋友、家人、男人
、女人、孩子、苹果、香蕉、橙子、花、树、山、河、海、鸟、鱼、马、牛、羊、春天、夏天、秋天
、冬天、今天、明天、昨天、早上、晚上、现在、时间、一二三四五六七八九十百千万，上下左右前
后里外，大小多少，长短高低，新旧好坏，快慢冷热。你好！"""
