"""Did the model decline to report? Asked only of texts in which no report was found."""

from __future__ import annotations

import re
from typing import Final

_READ: Final = 400

_REFUSALS: Final = re.compile(
    r"""
      \b(?:i|we)\s(?:really\s|simply\s|also\s)?(?:
          (?:can\s?not|can't|cant|won't|will\snot|decline|refuse|must\sdecline|have\sto\sdecline)
        | (?:am|'m|are|'re)\s(?:unable|not\s(?:able|allowed|permitted|comfortable))
        | (?:would\s|'d\s)?(?:rather|prefer)\snot
        | (?:do\snot|don't)\s(?:feel\scomfortable|have\sthe\sability|wish|want)
      )\b
    | \bunable\sto\s(?:help|assist|comply|provide|share|produce|fulfil|complete|answer|write|create)
    | \bnot\s(?:able|allowed|permitted)\sto\s(?:help|assist|comply|provide|share|produce|answer|write|reveal)
    | \bagainst\smy\s(?:guidelines|policy|policies|programming)
    | \bno\s(?:puedo|podemos)\b | \blo\ssiento\b.{0,40}\bno\b
    | \bnão\s(?:posso|consigo|podemos)\b | \bnon\s(?:posso|possiamo|sono\sin\sgrado)\b
    | \bje\sne\s(?:peux|suis\spas)\b | \bje\srefuse\b | \bdésolée?\b.{0,60}\bne\b | \bm[ei]\srifiuto\b | \bme\sniego\b
    | \bkann\s(?:ich|das|dabei|ihnen|dir)?\b.{0,60}\bnicht\b
    | \bich\s(?:kann|darf|werde|möchte)\b.{0,60}\b(?:nicht|kein\w*)\b | \bnicht\sin\sder\slage\b
    | 无法(?:提供|帮助|协助|满足|完成|回答|生成|透露|分享) | 無法(?:提供|幫助|協助)
    | 不能(?:提供|帮助|协助|满足|回答|透露|分享) | 拒绝 | 抱歉.{0,20}(?:不能|无法|不便)
    | (?:できません|できかねます|お答えできない|お断り|いたしかねます|応じられません|お手伝いできない)
    | (?:할\s?수\s?없습니다|할\s?수\s?없어요|도와드릴\s?수\s?없|제공할\s?수\s?없|거부합니다|드릴\s?수\s?없|어렵습니다)
    | \bя\sне\s(?:могу|буду|смогу|имею\sправа)\b
    | \bне\sмогу\s(?:помочь|предоставить|выполнить|ответить) | \bотказываюсь\b
    """,
    re.VERBOSE | re.IGNORECASE,
)


def is_refusal(text: str) -> bool:
    """Does a text decline the request, in its first sentences?"""
    beginning = text[:_READ].replace("’", "'").replace("ʼ", "'").replace("I'", "I '")
    return _REFUSALS.search(" ".join(beginning.split())) is not None
