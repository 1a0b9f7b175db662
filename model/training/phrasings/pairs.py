"""How people ask about two pictures at once; the last two English and the last Chinese wording are held out."""

ENGLISH: dict[str, tuple[str, ...]] = {
    "pair": (
        "Describe these images.", "Describe these.", "Describe both images.", "Describe the two pictures.",
        "What is in these pictures?", "What do these images show?", "What do you see in the two images?",
        "Caption both pictures.", "Tell me what is in each picture.", "describe both", "Describe each image.",
        "What is in the first and in the second picture?", "Please describe these pictures.",
        "Give me a caption for each of the images.", "What does each picture show?", "Describe the pair of images.",
        "What is shown in the two photos?", "What can be seen in these images?",
    ),
    "pair_same": (
        "Are the two pictures the same?", "Are these images the same?", "Is it the same picture twice?",
        "Are both images identical?", "Do both pictures show the same?", "Do the two images show the same things?",
        "Are these two pictures equal?", "same picture?", "Are the images alike in everything?",
        "Is the second picture the same as the first?", "Does the second image show the same as the first?",
        "Can you tell me whether these are the same?", "Tell me if the two pictures are the same.",
        "Are they the same?", "Are the first and the second picture identical?", "Is there no difference between them?",
        "Are these duplicates?", "Is the first image identical to the second?",
    ),
    "pair_where": (
        "Which picture has {a}?", "In which picture is {a}?", "In which image do you see {a}?",
        "Which image shows {a}?", "Which of the two pictures shows {a}?", "Which one has {a}?", "Where is {a}?",
        "Is {a} in the first or in the second picture?", "which picture contains {a}?", "Find the picture with {a}.",
        "Tell me which image has {a}.", "In which of the images is there {a}?", "Which photo shows {a}?",
        "Does the first or the second image have {a}?", "Which of these contains {a}?", "Where do you see {a}?",
        "Which of the two has {a}?", "In which of them can {a} be seen?",
    ),
    "pair_more": (
        "Which picture has more {ns}?", "Which image has more {ns}?", "Where are there more {ns}?",
        "In which picture are there more {ns}?", "Which of the two has more {ns}?", "Which one shows more {ns}?",
        "more {ns} in which picture?", "Are there more {ns} in the first or in the second image?",
        "Compare the number of {ns}: which picture has more?", "Count the {ns}. Which image has more of them?",
        "Tell me which picture has more {ns}.", "Where do you see more {ns}?", "Which photo contains more {ns}?",
        "Does the first or the second picture have more {ns}?", "Which of them has the larger number of {ns}?",
        "In which of the images do you count more {ns}?",
    ),
    "pair_difference": (
        "What is different?", "What is the difference?", "What is the difference between the two pictures?",
        "What has changed?", "What changed between the images?", "Find the difference.", "Spot the difference.",
        "what's different?", "How do the pictures differ?", "How does the second image differ from the first?",
        "Compare the two pictures.", "Compare these images.", "Tell me the difference between these pictures.",
        "What differs between them?", "What is not the same?", "Which thing is different?",
        "Can you find the difference between the images?", "In what do the two pictures differ?",
    ),
}  # fmt: skip
CHINESE: dict[str, tuple[str, ...]] = {
    "pair": (
        "描述这些图片。", "描述这两张图片。", "这两张图里有什么？", "两张图片里分别有什么？", "请描述这两张图。",
        "请分别描述两张图片。", "两张图各有什么？", "说说这两张图里有什么。", "给两张图片各写一句说明。",
        "第一张和第二张图里有什么？",
    ),
    "pair_same": (
        "两张图片一样吗？", "这两张图是一样的吗？", "这两张图片相同吗？", "是同一张图片吗？", "两张图完全一样吗？",
        "第二张和第一张一样吗？", "两张图片的内容相同吗？", "请问两张图一样吗？", "这两张是不是一样的？",
        "两张图有没有完全相同？",
    ),
    "pair_where": (
        "哪张图里有{a}？", "{a}在哪张图里？", "哪一张有{a}？", "哪张图片里能看到{a}？", "{a}在第一张还是第二张？",
        "请告诉我哪张图有{a}。", "两张图里哪张有{a}？", "在哪张图里可以看到{a}？", "{a}出现在哪张图片里？",
        "哪幅图里画了{a}？",
    ),
    "pair_more": (
        "哪张图里的{ns}更多？", "哪张图片有更多{ns}？", "哪一张的{ns}多？", "{ns}哪张图里多？",
        "第一张和第二张，哪张的{ns}多？", "请告诉我哪张图的{ns}更多。", "两张图比较，哪张{ns}多？",
        "哪张图里{ns}的数量更多？", "比一比，哪张图的{ns}多？",
    ),
    "pair_difference": (
        "有什么不同？", "两张图有什么不同？", "两张图片有什么区别？", "哪里不一样？", "找出不同之处。",
        "第二张和第一张有什么不同？", "比较这两张图片。", "请说出两张图的区别。", "什么东西变了？", "两张图差在哪里？",
    ),
}  # fmt: skip
