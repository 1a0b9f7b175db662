"""How people ask what something is, what there is, what is larger; the last two English, the last Chinese are held out.

Questions about sizes are those about drawings, which call a shape a shape.
"""

import re

from model.training.phrasings import drawings

ENGLISH: dict[str, tuple[str, ...]] = {
    "name_one": (
        "What is this?", "What is it?", "What's this?", "What does the picture show?", "what is this", "Name it.",
        "Name the thing in the picture.", "What thing is this?", "What do you see?", "Which object is this?",
        "What object is shown?", "Tell me what this is.", "What is this thing called?", "Identify the object.",
        "Can you tell me what this is?", "What is in the picture?", "I'd like to know what this is.",
        "What is drawn here?", "Do you know what this is?", "Please say what it is.", "What am I looking at?",
        "What kind of thing is it?", "What might this be?", "What could this be?", "What is pictured?",
        "What is pictured here?", "What is depicted?", "What does this depict?", "What item is this?",
        "Which item is shown?", "Which thing is it?", "Recognize the object.", "What sort of thing is this?",
        "What sort of object is it?", "What do you call this?", "What's the name of this?", "What is its name?",
        "What is the name of this object?", "What does this represent?", "What is represented here?",
        "Determine what this is.", "State what this is.", "Could you tell me what this is?", "Guess what this is.",
        "What do you think this is?", "What does it look like to you?", "What is this supposed to be?",
        "Could you identify this for me?", "What would you call this thing?",
    ),
    "list_things": (
        "List what is in the picture.", "List everything in the image.", "List all things.", "List all the objects.",
        "List what you see.", "List the contents of the image.", "Make a list.", "Make a list of all objects.",
        "Which things are there?", "List the things.", "List everything you see.", "What things do you see?",
        "Name all the things.", "Which objects are in the picture?", "list all objects", "What objects are there?",
        "Give me a list of the things.", "Name everything in the image.", "Which things can be seen?",
        "Make a list of what is in the picture.", "Please list the objects.", "Tell me all the things you see.",
        "What are the things in the picture?", "Enumerate the objects.", "Which things does the image contain?",
        "What items are there?", "List the items.", "Which items do you see?", "List each thing you see.",
        "Name each object.", "Write a list of all things.", "Provide a list of the objects.",
        "What is everything in the picture?", "What all is in the picture?", "Mention all the things in the image.",
        "Which things does the picture show?", "State all the things you see.",
        "Could you list the objects in this picture?", "What are all the objects here?",
        "Tell me each object in the image.", "Which items can be seen here?", "Give an inventory of the things.",
    ),
}  # fmt: skip
CHINESE: dict[str, tuple[str, ...]] = {
    "name_one": (
        "这是什么？", "它是什么？", "图里是什么？", "这是什么东西？", "请说出这是什么。", "图中的东西叫什么？",
        "你看到的是什么？", "告诉我这是什么。", "这个东西叫什么？", "请问这是什么？", "认一认这是什么。",
        "画的是什么？", "能告诉我这是什么吗？", "这张图里的东西是什么？", "这是个什么？", "这是什么物体？",
        "这是什么物品？", "这个物体是什么？", "这个物品叫什么？", "图中展示的物体是什么？", "图中显示的是什么东西？",
        "识别这个物体。", "辨认一下这个东西。", "判断这是什么。", "你认为这是什么？", "你觉得这是什么？",
        "猜猜这是什么。", "说说这是什么。", "这叫什么？", "这叫什么名字？", "它叫什么？", "它的名字是什么？",
        "它的名称是什么？", "这画的是什么东西？", "看得出这是什么吗？", "能认出这是什么吗？", "这看起来像什么？",
        "请识别图中的物品。",
    ),
    "list_things": (
        "列出图片里有什么。", "列出所有东西。", "列出你看到的东西。", "列出图中的物体。", "列一个清单。",
        "列出图片的内容。", "请列出图中有什么。",
        "有哪些东西？", "列出图里的东西。", "请列出所有东西。", "图里有哪些东西？", "你看到哪些东西？",
        "说出所有的东西。", "图中都有哪些物体？", "请把看到的东西列出来。", "列出所有物体。", "有哪些物体？",
        "图片里都有些什么东西？", "有哪些物品？", "图中有哪些物品？", "列出所有物品。", "列出你看到的所有东西。",
        "列一个物品清单。", "图里都有什么东西？", "都有什么东西？", "都有哪些东西？", "画面里有哪些物体？",
        "图片包含哪些东西？", "图中出现了哪些东西？", "识别图中所有物体。", "写出图里的所有东西。",
        "请逐个说出图里的东西。", "把图中物体的名称列出来。", "给出物体列表。", "请给出画面中物品的清单。",
    ),
}  # fmt: skip


def of_things(wordings: tuple[str, ...], shape: str, thing: str) -> tuple[str, ...]:
    """Wordings about drawings that speak of things instead, each once, the held-out ones still the last."""
    return tuple(dict.fromkeys(re.sub(shape, thing, text) for text in wordings))


for key in ("larger_which", "smaller_which", "largest", "smallest"):
    ENGLISH[f"{key}_thing"] = of_things(drawings.ENGLISH[key], "shape|figure", "thing")
    CHINESE[f"{key}_thing"] = of_things(drawings.CHINESE[key], "图形", "东西")
