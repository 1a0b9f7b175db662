"""What Chinese counts everyday things by: 几只猫, 几把雨伞, 几辆汽车; the common 个 where nothing else is usual."""

from functools import cache

# Measure word -> endings of names; the longest ending that fits decides, so exceptions stand here as whole names.
ENDINGS = {
    "只": "猫 猴子 手 手臂 手套 袜子 鞋 鞋子 靴子 人字拖 耳朵 眼睛 脚 拳头 手表 蜗牛 章鱼 鱿鱼 恐龙 气球 箱",
    "条": "鱼 蛇 龙 裤 裙 围巾 领带 腿 毛毛虫 蠕虫 丝带 法棍 舌头 牛仔裤",
    "头": "牛 猪 大象 猛犸象 鲸鱼 狮子 河马 犀牛 驴",
    "匹": "马 骆驼",
    "辆": "车 皮卡 拖拉机 小摩托 轮椅",
    "列": "火车 高铁 列车",
    "艘": "船 快艇",
    "架": "飞机 直升机 钢琴 手风琴",
    "枚": "火箭 硬币 奖牌 炸弹 图钉",
    "朵": "花 玫瑰 向日葵 郁金香 风信子 蘑菇 云",
    "片": "雪花 叶 叶子",
    "束": "花束",
    "棵": "树 仙人掌 幼苗 生菜 西兰花 三叶草",
    "本": "书 笔记本 记事本 日历",
    "把": "伞 椅 椅子 剪刀 刀 匕首 剑 钥匙 锁 锤子 斧头 吉他 琴 扫帚 锯子 勺子 牙刷 梳子 扳手 水枪 折扇 直尺",
    "顶": "帽 帽子 皇冠 头盔 帐篷 降落伞",
    "支": "笔 蜡烛 口红 温度计 注射器 香烟",
    "部": "手机 电话",
    "台": "电脑 电视 打印机 收音机 相机 摄像机 摄影机 显微镜 传真机",
    "扇": "门 窗户",
    "面": "镜子 鼓 盾牌",
    "张": "床 沙发 纸 信用卡 门票 地图 扑克牌 钞票 身份证",
    "杯": "咖啡 茶 啤酒 葡萄酒 香槟 牛奶 饮料 珍珠奶茶 鸡尾酒",
    "根": "香蕉 胡萝卜 玉米 黄瓜 骨头 羽毛 薯条 拐杖 棒棒糖",
    "块": "蛋糕 面包 奶酪 石头 肥皂 披萨 饼干 牛排 肉 巧克力",
    "串": "葡萄 鞭炮 念珠",
    "件": "T恤 大衣 和服 衬衫 背心 泳衣 白大褂 纱丽 礼物",
    "副": "眼镜 墨镜 护目镜",
    "座": "山 塔 桥 城堡 教堂 寺 寺庙 工厂 雕像 房子",
    "盏": "灯 灯笼",
    "": "爆米花 烟花 美人鱼 过山车 旋转木马 情书 球门 锁和钥匙",
}
ANIMAL, PERSON = "只", "person"  # what other animals are counted by; a group counted by 个, whatever its names end in
LONGEST = max(len(ending) for endings in ENDINGS.values() for ending in endings.split())


@cache
def _by_ending() -> dict[str, str]:
    return {ending: measure for measure, endings in ENDINGS.items() for ending in endings.split()}


def measure_of(name: str, group: str) -> str:
    """The measure word of a thing by its Chinese name and its group, empty where that is 个.

    >>> [measure_of(*thing) for thing in (("斑马", "animal"), ("河马", "animal"), ("雨伞", "sky"), ("苹果", "food"))]
    ['匹', '头', '把', '']
    """
    if group == PERSON:
        return ""
    for length in range(min(LONGEST, len(name)), 0, -1):
        if name[-length:] in _by_ending():
            return _by_ending()[name[-length:]]
    return ANIMAL if group == "animal" else ""
