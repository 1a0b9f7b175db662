"""How people ask about photos as a whole; the last two English and the last Chinese wording are held out."""

ENGLISH: dict[str, tuple[str, ...]] = {
    "main_color": (
        "What is the main color?", "What color is it mostly?", "Which color is there most of?", "main color?",
        "What is the main color of the photo?", "Which color fills most of the picture?", "What is its color?",
        "What color is most of the image?", "Name the main color.", "Tell me the main color of this picture.",
        "Which color dominates?", "What is the dominant color?", "What color do you see most?",
        "Mostly which color is the picture?", "What is the most common color in the photo?",
        "Which color is the main one?",
    ),
}  # fmt: skip
CHINESE: dict[str, tuple[str, ...]] = {
    "main_color": (
        "主要是什么颜色？", "照片主要是什么颜色？", "图片的主色是什么？", "哪种颜色最多？", "大部分是什么颜色？",
        "请说出主要的颜色。", "主要颜色是什么？", "这张照片以什么颜色为主？", "画面里什么颜色最多？",
        "整体是什么颜色？",
    ),
}  # fmt: skip
