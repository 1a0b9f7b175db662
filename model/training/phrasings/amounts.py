"""How people ask whether there are more, fewer or exactly so many; the last ones are held out."""

ENGLISH: dict[str, tuple[str, ...]] = {
    "more_than": (
        "Are there more than {k} {ns}?", "Do you see more than {k} {ns}?", "Is the number of {ns} greater than {k}?",
        "more than {k} {ns}?", "Can you see more than {k} {ns}?", "Does the picture show more than {k} {ns}?",
        "Are more than {k} {ns} shown?", "Does it have more than {k} {ns}?", "Is the count of {ns} above {k}?",
        "Are there over {k} {ns}?", "Does the image contain more than {k} {ns}?", "Are there more {ns} than {k}?",
        "Is it true that there are more than {k} {ns}?", "Tell me if there are more than {k} {ns}.",
        "Are more than {k} {ns} in the picture?", "Do we have more than {k} {ns}?",
        "Would you count more than {k} {ns}?",
        "Is it more than {k} {ns} that you see?", "Could there be more than {k} {ns}?",
    ),
    "fewer_than": (
        "Are there fewer than {k} {ns}?", "Are there less than {k} {ns}?", "Do you see fewer than {k} {ns}?",
        "fewer than {k} {ns}?", "less than {k} {ns}?", "Is the number of {ns} less than {k}?",
        "Can you see fewer than {k} {ns}?", "Does the picture show fewer than {k} {ns}?",
        "Are fewer than {k} {ns} shown?", "Is the count of {ns} below {k}?", "Are there under {k} {ns}?",
        "Does the image contain fewer than {k} {ns}?", "Is it true that there are fewer than {k} {ns}?",
        "Tell me if there are less than {k} {ns}.", "Is the number of {ns} smaller than {k}?",
        "Would you count fewer than {k} {ns}?",
        "Is it fewer than {k} {ns} that you see?", "Could there be fewer than {k} {ns}?",
    ),
    "at_least": (
        "Are there at least {k} {ns}?", "Do you see at least {k} {ns}?", "at least {k} {ns}?",
        "Can you see at least {k} {ns}?", "Does the picture show at least {k} {ns}?", "Are there {k} or more {ns}?",
        "Does it have at least {k} {ns}?", "Are at least {k} {ns} shown?", "{k} or more {ns}?",
        "Is the number of {ns} at least {k}?", "Does the image contain at least {k} {ns}?",
        "Is it true that there are at least {k} {ns}?", "Tell me if there are at least {k} {ns}.",
        "Can you find at least {k} {ns}?", "Would you count at least {k} {ns}?",
        "Is it at least {k} {ns} that you see?", "Could there be at least {k} {ns}?",
    ),
    "exactly": (
        "Are there exactly {k} {ns}?", "Do you see exactly {k} {ns}?", "exactly {k} {ns}?",
        "Is the number of {ns} {k}?", "Is the number of {ns} exactly {k}?", "Does the picture show exactly {k} {ns}?",
        "Are there just {k} {ns}?", "Are exactly {k} {ns} shown?", "Is the number of {ns} equal to {k}?",
        "Are there precisely {k} {ns}?", "Does the image contain exactly {k} {ns}?",
        "Is it true that there are exactly {k} {ns}?", "Tell me if there are exactly {k} {ns}.",
        "Does it have exactly {k} {ns}?", "Would you count exactly {k} {ns}?",
        "Is it exactly {k} {ns} that you see?", "Could there be exactly {k} {ns}?",
    ),
    "that_many": (
        "Are there {k} {ns}?", "Do you see {k} {ns}?", "Can you see {k} {ns}?", "Does the picture show {k} {ns}?",
        "are there {k} {ns} here?", "{k} {ns}, right?", "Does it have {k} {ns}?", "Are {k} {ns} shown?",
        "Does the image contain {k} {ns}?", "Is it true that there are {k} {ns}?", "There are {k} {ns}, right?",
        "Do we have {k} {ns}?", "Tell me if there are {k} {ns}.", "Can you find {k} {ns}?",
        "Would you count {k} {ns}?", "Have you found {k} {ns}?",
        "Is it {k} {ns} that you see?", "Could there be {k} {ns}?",
    ),
}  # fmt: skip
CHINESE: dict[str, tuple[str, ...]] = {
    "more_than": (
        "有超过{k}个{ns}吗？", "有没有超过{k}个{ns}？", "图里有超过{k}个{ns}吗？", "有多于{k}个{ns}吗？",
        "是否有超过{k}个{ns}？", "图中有没有多于{k}个{ns}？", "{ns}有没有超过{k}个？", "有比{k}个更多的{ns}吗？",
        "图片里有多于{k}个{ns}吗？", "{ns}有没有多于{k}个？",
    ),
    "fewer_than": (
        "有少于{k}个{ns}吗？", "图里有少于{k}个{ns}吗？", "有没有少于{k}个{ns}？", "有不到{k}个{ns}吗？",
        "是否只有不到{k}个{ns}？", "图中有没有不到{k}个{ns}？", "{ns}有没有少于{k}个？", "有比{k}个更少的{ns}吗？",
        "{ns}有没有不到{k}个？",
    ),
    "at_least": (
        "有至少{k}个{ns}吗？", "图里有至少{k}个{ns}吗？", "有没有至少{k}个{ns}？", "是否有至少{k}个{ns}？",
        "至少有{k}个{ns}吗？", "图中至少有{k}个{ns}吗？", "{ns}至少有{k}个吗？", "有没有不少于{k}个{ns}？",
        "{ns}有没有至少{k}个？",
    ),
    "exactly": (
        "正好有{k}个{ns}吗？", "图里正好有{k}个{ns}吗？", "刚好有{k}个{ns}吗？", "有没有正好{k}个{ns}？",
        "有恰好{k}个{ns}吗？", "图中恰好有{k}个{ns}吗？", "{ns}正好有{k}个吗？", "不多不少有{k}个{ns}吗？",
        "{ns}刚好有{k}个吗？",
    ),
    "that_many": (
        "有{k}个{ns}吗？", "图里有{k}个{ns}吗？", "有没有{k}个{ns}？", "是否有{k}个{ns}？", "能看到{k}个{ns}吗？",
        "图中有没有{k}个{ns}？", "图片里有{k}个{ns}吗？", "{ns}有{k}个吗？", "里面有{k}个{ns}吗？",
    ),
}  # fmt: skip
