"""What people put before and after a question, and what else they call a picture, a shape or a colour, by language.

`REQUESTS` ask for an answer in the other language; the last of each list is never used in training.
"""

OPENINGS = {
    "en": (
        "Please: ", "Look at the {view}. ", "Look at this {view}. ", "Look closely. ", "Have a look. ", "Hi, ", "Hi! ",
        "Hello! ", "Hello, ", "Hey, ", "OK, ", "Next: ", "Now, ", "Here is a {view}. ", "About this {view}: ",
        "Good morning! ", "Excuse me, ", "Task: ", "For this {view}: ", "I have a {view} here. ", "See the {view}. ",
        "I uploaded a {view}. ", "Consider this {view}. ", "Study the {view}. ", "Examine this {view}. ", "Well, ",
    ),
    "zh": (
        "看{view}，", "你好，", "您好，", "你好！", "看一下{view}，", "请看{view}。", "嗨，", "早上好，",
        "观察{view}，", "根据{view}，", "从{view}来看，", "仔细看{view}，", "现在，", "打扰一下，", "好的，",
    ),
}  # fmt: skip
QUESTION_OPENINGS = {
    "en": (
        "Quick question: ", "Question: ", "I have a question: ", "One more question: ", "Just curious: ",
        "I was wondering, ", "Help me out: ", "So, ", "Tell me, ", "Tell me: ", "Could you answer this: ",
        "Judging by this {view}, ", "In your opinion, ", "Answer this question. ", "Q: ", "Another one: ",
    ),
    "zh": (
        "请问，", "问一下，", "想问一下，", "请教一下，", "请回答：", "看{view}回答：", "麻烦问一下，", "请告诉我，",
        "问题：", "帮我看看，", "我有个问题，", "再问一个，",
    ),
}  # fmt: skip
ENDINGS = {
    "en": (
        " Answer briefly.", " Thanks!", " Thank you.", " thanks", " Keep it short.", " Be brief.",
        " A short answer, please.", " Just the answer, please.", " Answer in English.", " Respond briefly.",
        " No explanation needed.", " Don't explain.", " Reply in English.", " Be accurate.", " Only the answer.",
        " Look carefully.", " Please answer.", " I need to know.", " Take your time.",
    ),
    "zh": (
        "请简短回答。", "谢谢！", "谢谢。", "简单回答即可。", "请用中文回答。", "麻烦了。", "不用解释。", "直接回答。",
        "只要答案。", "请看仔细。", "尽量简短。", "请回答。", "拜托了。", "多谢。",
    ),
}  # fmt: skip
REQUESTS = {
    "en": (
        " Answer in Chinese.", " in Chinese", " Reply in Chinese.", " Please answer in Chinese.", " (in Chinese)",
        " In Chinese, please.", " Write it in Chinese.", " Respond in Chinese", " Use Chinese.", " 用中文",
        " in Mandarin", " Answer in simplified Chinese.", " Your answer must be in Chinese.",
        " Say it in Chinese, please.",
    ),
    "zh": (
        "请用英文回答。", "用英语回答。", "（英文）", "请用英语。", "用英文", "用英文回答", "回答请用英文。",
        "请写英文。", "请用英文说。", "in English", " Answer in English.", "请以英文作答。", "用英语说。",
    ),
}  # fmt: skip
CALLED = {
    "en": (
        (r"\b(?:picture|image|photo)(s?)\b", (
            "pic", "drawing", "graphic", "illustration", "screenshot", "snapshot", "painting", "photograph", "artwork",
            "file", "scan", "sketch",
        )),
        (r"\b(?:video|clip)(s?)\b", ("movie", "film", "recording", "animation", "sequence", "short film", "file")),
        (r"\brectangle(s?)\b", ("oblong", "rectangular shape")),
        (r"\bdiamond()\b(?! ring)", ("rhombus", "lozenge")),
        (r"\bdiamond(s)\b", ("rhombuse", "lozenge")),  # rhombuses
        (r"\boval(s?)\b", ("ellipse", "oval shape")),
        (r"\bcrescent(s?)\b", ("crescent moon", "crescent shape")),
        (r"\bpurple(s?)\b", ("violet", "lilac")),
    ),
    "zh": (
        (r"图片|照片|画面|图(?=[里中上])", ("图像", "插图", "截图", "相片", "图画", "画", "影像", "图案")),
        (r"视频", ("短片", "影片", "录像", "片子", "动画", "短视频", "片段")),
        (r"(?<!椭)圆形", ("圆", "圆圈", "圆点")),
        (r"椭圆形", ("椭圆",)),
        (r"正方形", ("方块", "四方形", "方形")),
        (r"长方形", ("矩形",)),
        (r"三角形", ("三角",)),
        (r"星形", ("星星", "五角星")),
        (r"心形", ("爱心", "桃心")),
        (r"十字形", ("十字", "加号")),
        (r"月牙形", ("月牙", "新月")),
        (r"圆环", ("环形", "环")),
        (r"六边形", ("六角形",)),
        (r"五边形", ("五角形",)),
        (r"橙色", ("橘色", "橘黄色")),
        (r"粉色", ("粉红色",)),
        (r"棕色", ("褐色", "咖啡色")),
    ),
}  # fmt: skip
