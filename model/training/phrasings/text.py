"""How people ask about signs and other text: what it says, by line, word and letter, and what it is."""

ENGLISH: dict[str, tuple[str, ...]] = {
    "read_on": (
        "What does {it} say?", "What is written on {it}?", "Read {it}.", "What text is on {it}?", "read {it}",
        "What do you read on {it}?", "Tell me what {it} says.", "What's on {it}?", "What's written on {it}?",
        "Can you read {it}?", "Could you read {it} to me?", "Please read {it}.", "Transcribe {it}.",
        "What can be read on {it}?", "What words are on {it}?", "What is on {it}?", "Copy what {it} says.",
        "I'd like to know what {it} says.", "{it}: what does it say?", "Say what is written on {it}.",
        "Which text does {it} show?", "What is it that {it} says?",
    ),
    "read_line": (
        "What does the {n} line say?", "Read the {n} line.", "What is written in the {n} line?",
        "What is the {n} line?", "the {n} line?", "What's on the {n} line?", "What is on the {n} line?",
        "Which text is in the {n} line?", "Tell me what the {n} line says.", "Can you read the {n} line?",
        "Please read only the {n} line.", "What do you read in the {n} line?", "Transcribe the {n} line.",
        "The {n} line says what?", "I'd like to know what the {n} line says.", "Give me the {n} line.",
        "What can be read on the {n} line?", "Write down the {n} line of the text.",
    ),
    "read_word": (
        "What is the {n} word?", "What's the {n} word?", "Read the {n} word.", "Which word is the {n} one?",
        "the {n} word?", "What does the {n} word say?", "Tell me the {n} word.", "What is the {n} word of the text?",
        "Which is the {n} word?", "Can you read the {n} word?", "Please tell me the {n} word.",
        "What is the {n} word here?", "What is the {n} word in the picture?", "Give me the {n} word.",
        "The {n} word is what?", "What word is the {n} one?", "How does the {n} word read?",
        "Say only the {n} word that is written.",
    ),
    "spell": (
        "How is {it} spelled?", "Spell {it}.", "How do you spell {it}?", "spell {it}", "Can you spell {it}?",
        "Please spell {it}.", "Spell {it} letter by letter.", "What are the letters of {it}?", "Spell out {it}.",
        "Which letters make up {it}?", "Give the letters of {it}.", "Tell me how {it} is spelled.",
        "Read {it} letter by letter.", "Could you spell out {it}?", "List the letters of {it}.",
        "How would you spell {it}?", "Which letters does {it} have, one by one?",
    ),
    "letter": (
        "What is the {n} letter of {it}?", "What's the {n} letter of {it}?", "Which letter is the {n} in {it}?",
        "What letter comes {n} in {it}?", "the {n} letter of {it}?", "Name the {n} letter of {it}.",
        "Tell me the {n} letter of {it}.", "Which is the {n} letter of {it}?", "What is the {n} letter in {it}?",
        "Read the {n} letter of {it}.", "Can you tell the {n} letter of {it}?", "Give me the {n} letter of {it}.",
        "Please name the {n} letter of {it}.", "In {it}, what is the {n} letter?", "Which letter stands {n} in {it}?",
        "What is {it}'s {n} letter?",
    ),
    "says": (
        'Does {it} say "{x}"?', 'does {it} say "{x}"?', 'Does {it} read "{x}"?', 'Is it "{x}" that {it} says?',
        'Is "{x}" the thing that {it} says?', 'Can you see whether {it} says "{x}"?', '{it} says "{x}", yes or no?',
        '{it} says "{x}", doesn\'t it?', 'Is it right that {it} says "{x}"?', 'Can you check whether {it} says "{x}"?',
        'Is it true that {it} says "{x}"?', 'I think {it} says "{x}". Right?', 'Tell me whether {it} says "{x}".',
        'Please check: does {it} say "{x}"?', 'Does {it} really say "{x}"?', 'I\'d like to know if {it} says "{x}".',
        'Check if {it} says "{x}".', 'Does {it} spell "{x}"?', 'Would you say that {it} says "{x}"?',
        'Is what {it} says "{x}"?',
    ),
    "is_number": (
        "Is it a number?", "Is this a number?", "Does it show a number?", "Is the text a number?", "is it a number?",
        "Is a number written here?", "Is what is written a number?", "Is there a number written here?",
        "Do you see a number?", "Is it a number that is written here?", "Tell me whether it is a number.",
        "Does it say a number?", "Is the thing written here a number?", "Can you tell whether it is a number?",
        "Does the text consist of digits?", "Is it made of digits only?",
    ),
    "capitals": (
        "Is it in capital letters?", "Is the text in capital letters?", "Is it all in capitals?", "is it in capitals?",
        "Are all letters capitals?", "Is everything in capital letters?", "Is it written in capital letters?",
        "Is the text in upper case?", "Is it all upper case?", "Are all of the letters upper case?",
        "Is it written in capitals?", "Does it use only capital letters?", "Tell me whether it is all in capitals.",
        "Is the whole text in capitals?", "Are the letters all capital ones?", "Is all of it upper case?",
    ),
    "price": (
        "What is the price?", "How much does it cost?", "What does it cost?", "How much is it?", "price?",
        "What's the price?", "Read the price.", "What price is shown?", "Which price is written here?",
        "Tell me the price.", "How much is this?", "What is the price shown here?", "Can you tell me the price?",
        "How much do I have to pay?", "Please read the price.", "What price do you see?", "Which price do you read?",
        "What would I pay for it?",
    ),
    "time": (
        "What time is it?", "What is the time?", "What time does it show?", "Which time is shown?", "time?",
        "What's the time?", "Read the time.", "What time is shown?", "What time is written here?", "Tell me the time.",
        "What time do you see?", "Can you tell me the time?", "Please tell me what time it is.",
        "What does the clock say?", "Which time do you read?", "What time is it here?", "What hour does it show?",
        "Say what time is displayed.",
    ),
}  # fmt: skip

CHINESE: dict[str, tuple[str, ...]] = {
    "read_on": (
        "{it}写着什么？", "{it}写的是什么？", "{it}写了什么？", "读一下{it}。", "{it}的内容是什么？",
        "请读出{it}的内容。", "{it}写的什么字？", "请告诉我{it}写着什么。", "能读出{it}吗？", "我想知道{it}写了什么。",
        "把{it}读出来。", "念一下{it}。", "{it}是怎么写的？",
    ),
    "read_line": (
        "{n}写着什么？", "{n}写的是什么？", "{n}是什么？", "读一下{n}。", "{n}写了什么？", "请读出{n}。",
        "{n}的内容是什么？", "请告诉我{n}写着什么。", "能读出{n}吗？", "我想知道{n}写了什么。", "念一下{n}的字。",
    ),
    "read_word": (
        "{n}单词是什么？", "{n}词是什么？", "读出{n}单词。", "{n}单词是哪个？", "{n}单词写的是什么？",
        "请告诉我{n}单词。", "能读出{n}单词吗？", "我想知道{n}单词是什么。", "说出{n}单词。", "念一下{n}词。",
    ),
    "spell": (
        "{it}怎么拼写？", "{it}怎么拼？", "拼写{it}。", "请拼出{it}。", "{it}由哪些字母组成？", "{it}的字母是什么？",
        "能拼出{it}吗？", "我想知道{it}怎么拼。", "一个一个字母读出{it}。", "请把{it}的字母逐个说出来。",
    ),
    "letter": (
        "{it}的{n}字母是什么？", "{it}{n}字母是什么？", "{it}的{n}字母是哪个？", "说出{it}的{n}字母。",
        "请告诉我{it}的{n}字母。", "{it}里{n}字母是什么？", "能看出{it}的{n}字母吗？", "我想知道{it}的{n}字母。",
        "读出{it}的{n}字母。", "{it}中{n}字母是哪一个？",
    ),
    "says": (
        "{it}写的是“{x}”吗？", "{it}写着“{x}”吗？", "{it}是不是写着“{x}”？", "{it}写的是不是“{x}”？", "{it}是“{x}”吗？",
        "{it}写的是“{x}”，对吗？", "请看看{it}是不是写着“{x}”。", "能告诉我{it}写的是不是“{x}”吗？",
        "我想知道{it}写的是不是“{x}”。", "{it}是否写着“{x}”？",
    ),
    "is_number": (
        "这是数字吗？", "上面是数字吗？", "写的是数字吗？", "这是不是数字？", "上面写的是不是数字？", "是数字吗？",
        "图里写的是数字吗？", "请告诉我这是不是数字。", "能看出这是不是数字吗？", "上面是一个数字吗？",
    ),
    "capitals": (
        "是大写字母吗？", "都是大写字母吗？", "文字是大写的吗？", "字母都是大写吗？", "写的是大写字母吗？",
        "全是大写吗？", "是不是全部大写？", "请告诉我是不是大写字母。", "上面的字母都是大写的吗？",
        "所有字母都大写吗？",
    ),
    "price": (
        "价格是多少？", "多少钱？", "这个多少钱？", "价钱是多少？", "上面写的价格是多少？", "请读出价格。",
        "要多少钱？", "请告诉我价格。", "我想知道价格是多少。", "能告诉我多少钱吗？", "标价是多少？",
    ),
    "time": (
        "几点了？", "时间是几点？", "现在几点？", "上面的时间是多少？", "显示的时间是什么？", "请读出时间。",
        "是几点几分？", "请告诉我时间。", "我想知道是几点。", "能告诉我几点了吗？", "上面显示几点？",
    ),
}  # fmt: skip
