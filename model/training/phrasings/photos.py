"""How people ask about photos as a whole; the last two English and the last Chinese wording are held out."""

ENGLISH: dict[str, tuple[str, ...]] = {
    "main_color": (
        "What is the main color?", "What color is it mostly?", "Which color is there most of?", "main color?",
        "What is the main color of the photo?", "Which color fills most of the picture?", "What is its color?",
        "What color is most of the image?", "Name the main color.", "Tell me the main color of this picture.",
        "Which color dominates?", "What is the dominant color?", "What color do you see most?",
        "Mostly which color is the picture?", "What is the most common color in the photo?",
        "Which color is the main one?", "Which hue dominates?", "What is the overall color?",
        "What color is the picture overall?", "What is the predominant color?", "Which color is predominant?",
        "What color covers most of it?", "What color is it mainly?", "Mainly what color is it?",
        "State the main color.", "Which color appears the most?", "What color would you say dominates?",
        "Which color takes up the most space?",
    ),
}  # fmt: skip
CHINESE: dict[str, tuple[str, ...]] = {
    "main_color": (
        "主要是什么颜色？", "照片主要是什么颜色？", "图片的主色是什么？", "哪种颜色最多？", "大部分是什么颜色？",
        "请说出主要的颜色。", "主要颜色是什么？", "这张照片以什么颜色为主？", "画面里什么颜色最多？",
        "整体是什么颜色？", "主色是什么？", "主色调是什么？", "整体是什么色调？", "照片的主要颜色是什么？",
        "哪种颜色占得最多？", "什么颜色为主？", "以什么颜色为主？", "最多的颜色是什么？", "大体上是什么颜色？",
        "主要的颜色是哪种？", "判断图片的主色。", "图片整体是什么颜色？", "画面以哪种颜色为主？",
    ),
}  # fmt: skip
