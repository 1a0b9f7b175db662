"""How people ask: many wordings for each question, in English and Chinese. `HELD` counts those kept for evaluation.

The last wordings of every list are never used in training. Captions list the product's default prompts first.
"""

HELD = {"en": 2, "zh": 1}

ENGLISH: dict[str, tuple[str, ...]] = {
    "caption": (
        "Describe this image.", "Describe the image.", "What is in this picture?", "Caption this.",
        "What do you see?", "Describe this picture.", "Write a caption for this image.", "What does this image show?",
        "caption please", "what's in the picture?", "Tell me what is in the image.", "Please describe this photo.",
        "Give me a caption.", "What can be seen here?", "Summarize this picture.",
    ),
    "shape_one": (
        "What shape is this?", "Which shape is it?", "What is the shape?", "Name the shape.",
        "What shape do you see?", "what shape is in the picture?", "Which shape is shown?", "Tell me the shape.",
        "What kind of shape is this?", "What shape can you see here?",
    ),
    "shape_of": (
        "What shape is the {c} thing?", "What is the {c} shape?", "Which shape is {c}?", "What shape is {c}?",
        "Name the {c} shape.", "what is the {c} thing?", "What shape is the {c} object?",
        "Which shape is colored {c}?", "Tell me what shape the {c} thing is.", "What kind of shape is the {c} one?",
    ),
    "shape_at": (
        "What shape is {p}?", "Which shape is {p}?", "What is the shape {p}?", "Name the shape {p}.",
        "What shape do you see {p}?", "{p}, what shape is there?", "Tell me the shape {p}.",
        "What kind of shape is {p}?",
    ),
    "color_one": (
        "What color is it?", "What color is the shape?", "What color is this?", "Which color is the thing?",
        "Name its color.", "what color does it have?", "Tell me the color of the shape.", "Which color is it?",
        "What is the color of the object?", "What color do you see on the shape?",
    ),
    "color_of": (
        "What color is the {s}?", "Which color is the {s}?", "What is the color of the {s}?",
        "Name the color of the {s}.", "The {s} is what color?", "what color does the {s} have?",
        "Tell me the color of the {s}.", "Which color does the {s} have?", "The {s} has which color?",
        "In what color is the {s} drawn?",
    ),
    "color_at": (
        "What color is the shape {p}?", "What color is the thing {p}?", "Which color is the shape {p}?",
        "Name the color of the shape {p}.", "What is the color of the thing {p}?",
        "Tell me the color of what is {p}.", "What color is the object {p}?", "Which color does the thing {p} have?",
    ),
    "count": (
        "How many {ns} are there?", "How many {ns} do you see?", "Count the {ns}.",
        "How many {ns} are in the picture?", "What is the number of {ns}?", "how many {ns}?",
        "How many {ns} can you see?", "How many {ns} are in this image?", "Tell me how many {ns} there are.",
        "Number of {ns}?", "How many {ns} does the image contain?", "Could you count the {ns}?",
    ),
    "position": (
        "Where is {it}?", "Where in the picture is {it}?", "Where can I find {it}?", "What is the position of {it}?",
        "In which part of the image is {it}?", "where's {it}?", "Tell me where {it} is.", "Where do you see {it}?",
        "Whereabouts is {it}?", "In what place is {it}?",
    ),
    "at_place": (
        "What is {p}?", "What do you see {p}?", "What can be seen {p}?", "Which thing is {p}?", "Name the thing {p}.",
        "what's {p}?", "Tell me what is {p}.", "What is there {p}?", "Which object is {p}?",
    ),
    "relation_what": (
        "What is {r} {it}?", "Which thing is {r} {it}?", "What do you see {r} {it}?", "What stands {r} {it}?",
        "Name the thing {r} {it}.", "what's {r} {it}?", "Tell me what is {r} {it}.", "What can be seen {r} {it}?",
        "Which shape is {r} {it}?", "Which object is located {r} {it}?",
    ),
    "relation_is": (
        "Is {it} {r} {other}?", "Is {it} placed {r} {other}?", "Can you see {it} {r} {other}?",
        "{it}, is it {r} {other}?", "Is it true that {it} is {r} {other}?", "Would you say {it} is {r} {other}?",
        "Does {it} stand {r} {other}?", "Is {it} located {r} {other}?",
    ),
    "exists": (
        "Is there {a}?", "Do you see {a}?", "Can you see {a}?", "Does the picture show {a}?",
        "Is {a} in the picture?", "is there {a} here?", "Is there {a} in this image?", "Does the image contain {a}?",
        "Are you able to see {a}?", "Is {a} visible?",
    ),
    "background": (
        "What color is the background?", "Which color is the background?", "What is the background color?",
        "What is the color of the background?", "Name the background color.", "background color?",
        "Tell me the color of the background.", "The background is what color?", "What color lies behind everything?",
    ),
    "read": (
        "What does it say?", "What does the text say?", "What is written here?", "Read the text.",
        "What word is this?", "What is the text in the image?", "read this", "Which word or number is shown?",
        "What is written in the picture?", "Tell me what is written.", "Please read it to me.",
        "What text do you see?",
    ),
    "clip": (
        "Describe this video.", "What happens in this video?", "Describe the video.", "What happens?",
        "Caption this video.", "what is going on here?", "Describe this clip.", "What does the video show?",
        "Tell me what happens.", "Write a caption for this video.", "What happens in the clip?",
        "Summarize this video.", "What can be seen in the clip?",
    ),
    "motion": (
        "Which way does {it} move?", "In which direction does {it} move?", "Where does {it} go?",
        "How does {it} move?", "What direction is {it} moving in?", "which direction does {it} go?",
        "Which way is {it} going?", "Tell me which way {it} moves.", "Toward which side does {it} move?",
        "What is the direction of {it}?",
    ),
    "motion_is": (
        "Does {it} move?", "Is {it} moving?", "Is {it} in motion?", "Does {it} change its place?",
        "does {it} move at all?", "Can you see {it} move?", "Is there any movement of {it}?", "Does {it} travel?",
    ),
    "event_what": (
        "What {v}?", "Which thing {v}?", "What is it that {v}?", "Which shape {v}?", "Tell me what {v}.",
        "what {v} here?", "Which object {v}?", "In the video, what {v}?", "Name the thing that {v}.",
    ),
    "event_how": (
        "What happens to {it}?", "What does {it} do?", "What is {it} doing?", "Tell me what {it} does.",
        "what happens with {it}?", "What becomes of {it}?", "What happens to {it} in the video?",
        "How does {it} behave?",
    ),
    "event_is": (
        "Does anything {w}?", "Does something {w}?", "Is there something that {v}?", "Do you see anything {w}?",
        "does any shape {w}?", "Does any thing {w}?", "Can you see something {w}?", "Is there anything that {v}?",
    ),
    "becomes": (
        "What color does {it} become?", "What color does {it} turn?", "Which color does {it} change to?",
        "What is the new color of {it}?", "what color is {it} at the end?", "Into which color does {it} change?",
        "What color is {it} finally?",
    ),
    "order_first": (
        "What happens first?", "What is the first thing that happens?", "Which event comes first?",
        "What happens at first?", "what happens at the beginning?", "What comes first?",
        "Tell me what happens first.", "How does the video start?", "What is the first event?",
    ),
    "order_last": (
        "What happens last?", "What is the last thing that happens?", "Which event comes last?",
        "What happens after that?", "what happens at the end?", "What comes last?", "Tell me what happens last.",
        "How does the video end?", "What is the final event?",
    ),
    "order_is": (
        "Is it true that {one} before {two}?", "Does it happen that {one} before {two}?",
        "{one} before {two}, right?", "Do you agree that {one} before {two}?", "Am I right that {one} before {two}?",
        "Would you say that {one} before {two}?",
    ),
}  # fmt: skip

CHINESE: dict[str, tuple[str, ...]] = {
    "caption": (
        "描述这张图片。", "这张图片里有什么？", "请描述这张图。", "图里有什么？", "描述一下图片", "你看到了什么？",
        "给图片写一句说明。", "请描述这幅画面。",
    ),
    "shape_one": (
        "这是什么形状？", "它是什么形状？", "图里是什么形状？", "说出这个形状。", "你看到什么形状？",
        "请说出图形的形状。",
    ),
    "shape_of": (
        "{c}的是什么形状？", "{c}的图形是什么形状？", "{c}的东西是什么形状？", "什么形状是{c}的？",
        "说出{c}图形的形状。", "{c}的那个是什么形状？",
    ),
    "shape_at": (
        "{p}是什么形状？", "{p}的图形是什么形状？", "什么形状在{p}？", "说出{p}的形状。", "在{p}的是什么形状？",
    ),
    "color_one": (
        "它是什么颜色？", "这是什么颜色？", "图形是什么颜色？", "说出它的颜色。", "这个图形的颜色是什么？",
        "它的颜色是？",
    ),
    "color_of": (
        "{s}是什么颜色？", "{s}的颜色是什么？", "{s}是哪种颜色？", "说出{s}的颜色。", "那个{s}是什么颜色的？",
        "请问{s}什么颜色？",
    ),
    "color_at": (
        "{p}的图形是什么颜色？", "{p}的东西是什么颜色？", "{p}的图形颜色是什么？", "说出{p}图形的颜色。",
        "在{p}的是什么颜色？",
    ),
    "count": (
        "有几个{ns}？", "有多少个{ns}？", "图里有几个{ns}？", "数一数{ns}。", "一共有几个{ns}？", "你看到几个{ns}？",
        "{ns}的数量是多少？",
    ),
    "position": (
        "{it}在哪里？", "{it}在什么位置？", "{it}在图片的哪个位置？", "哪里有{it}？", "请说出{it}的位置。",
        "{it}位于何处？",
    ),
    "at_place": ("{p}是什么？", "{p}有什么？", "在{p}能看到什么？", "说出{p}的东西。", "什么东西在{p}？"),
    "relation_what": (
        "{it}的{r}是什么？", "{it}{r}有什么？", "什么在{it}的{r}？", "说出{it}{r}的东西。", "在{it}{r}能看到什么？",
    ),
    "relation_is": (
        "{it}在{other}的{r}吗？", "{it}是在{other}{r}吗？", "{it}是不是在{other}的{r}？", "请问{it}在{other}{r}吗？",
    ),
    "exists": ("有{a}吗？", "图里有{a}吗？", "能看到{a}吗？", "有没有{a}？", "图中是否有{a}？", "这里存在{a}吗？"),
    "background": (
        "背景是什么颜色？", "背景的颜色是什么？", "什么颜色的背景？", "说出背景颜色。", "图片的背景是哪种颜色？",
    ),
    "read": (
        "上面写着什么？", "图里写了什么？", "这是什么字？", "读出文字。", "文字内容是什么？", "请读一下。",
        "写的是什么？",
    ),
    "clip": (
        "描述这段视频。", "视频里发生了什么？", "发生了什么？", "请描述视频。", "描述一下这个视频",
        "这段视频讲了什么？", "请说明视频内容。",
    ),
    "motion": (
        "{it}往哪边移动？", "{it}向哪个方向移动？", "{it}怎么移动？", "{it}朝哪里走？", "说出{it}移动的方向。",
        "{it}往哪儿去？",
    ),
    "motion_is": ("{it}在移动吗？", "{it}动了吗？", "{it}有没有移动？", "{it}是不是在动？", "{it}会动吗？"),
    "event_what": ("什么{v}了？", "什么东西{v}了？", "哪个图形{v}了？", "说出{v}的东西。", "视频里什么{v}了？"),
    "event_how": ("{it}怎么了？", "{it}发生了什么？", "{it}做了什么？", "说说{it}怎么样了。", "{it}有什么变化？"),
    "event_is": ("有东西{v}吗？", "有什么{v}了吗？", "有没有东西{v}？", "是否有图形{v}？"),
    "becomes": ("{it}变成了什么颜色？", "{it}变成哪种颜色？", "{it}最后是什么颜色？", "{it}后来成了什么颜色？"),
    "order_first": ("先发生了什么？", "最先发生什么？", "首先发生了什么？", "一开始发生了什么？", "第一件事是什么？"),
    "order_last": (
        "最后发生了什么？", "后来发生了什么？", "后发生的是什么？", "结尾发生了什么？", "最后一件事是什么？",
    ),
    "order_is": (
        "{one}，然后{two}，对吗？", "是不是先{one}，后{two}？", "先{one}，再{two}，是吗？",
        "顺序是{one}之后{two}吗？",
    ),
}  # fmt: skip
