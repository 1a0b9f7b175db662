"""What people put before and after a question, by language."""

OPENINGS = {
    "en": (
        "Please: ", "Look at the {view}. ", "Look at this {view}. ", "Look closely. ", "Have a look. ", "Hi, ", "Hi! ",
        "Hello! ", "Hello, ", "Hey, ", "OK, ", "Next: ", "Now, ", "Here is a {view}. ", "About this {view}: ",
    ),
    "zh": ("看{view}，", "你好，", "您好，", "你好！", "看一下{view}，", "请看{view}。", "嗨，"),
}  # fmt: skip
QUESTION_OPENINGS = {
    "en": (
        "Quick question: ", "Question: ", "I have a question: ", "One more question: ", "Just curious: ",
        "I was wondering, ", "Help me out: ", "So, ",
    ),
    "zh": ("请问，", "问一下，", "想问一下，", "请教一下，", "请回答：", "看{view}回答："),
}  # fmt: skip
ENDINGS = {
    "en": (
        " Answer briefly.", " Thanks!", " Thank you.", " thanks", " Keep it short.", " Be brief.",
        " A short answer, please.", " Just the answer, please.", " Answer in English.",
    ),
    "zh": ("请简短回答。", "谢谢！", "谢谢。", "简单回答即可。", "请用中文回答。", "麻烦了。"),
}  # fmt: skip
