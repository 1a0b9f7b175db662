"""How people ask what something is; the last two English and the last Chinese wording are held out."""

ENGLISH: dict[str, tuple[str, ...]] = {
    "name_one": (
        "What is this?", "What is it?", "What's this?", "What does the picture show?", "what is this", "Name it.",
        "Name the thing in the picture.", "What thing is this?", "What do you see?", "Which object is this?",
        "What object is shown?", "Tell me what this is.", "What is this thing called?", "Identify the object.",
        "Can you tell me what this is?", "What is in the picture?", "I'd like to know what this is.",
        "What is drawn here?", "Do you know what this is?", "Please say what it is.", "What am I looking at?",
        "What kind of thing is it?", "What might this be?",
    ),
    "list_things": (
        "Which things are there?", "List the things.", "List everything you see.", "What things do you see?",
        "Name all the things.", "Which objects are in the picture?", "list all objects", "What objects are there?",
        "Give me a list of the things.", "Name everything in the image.", "Which things can be seen?",
        "Make a list of what is in the picture.", "Please list the objects.", "Tell me all the things you see.",
        "What are the things in the picture?", "Enumerate the objects.", "Which things does the image contain?",
    ),
}  # fmt: skip
CHINESE: dict[str, tuple[str, ...]] = {
    "name_one": (
        "这是什么？", "它是什么？", "图里是什么？", "这是什么东西？", "请说出这是什么。", "图中的东西叫什么？",
        "你看到的是什么？", "告诉我这是什么。", "这个东西叫什么？", "请问这是什么？", "认一认这是什么。",
        "画的是什么？", "能告诉我这是什么吗？", "这张图里的东西是什么？",
    ),
    "list_things": (
        "有哪些东西？", "列出图里的东西。", "请列出所有东西。", "图里有哪些东西？", "你看到哪些东西？",
        "说出所有的东西。", "图中都有哪些物体？", "请把看到的东西列出来。", "列出所有物体。", "有哪些物体？",
        "图片里都有些什么东西？",
    ),
}  # fmt: skip
