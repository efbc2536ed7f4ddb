"""Text that tries to run or to format something where it is shown."""

from __future__ import annotations

PAYLOADS = (
    "<script>window.pwned=1;document.title='pwned'</script>",
    "<img src=x onerror=\"window.pwned=2;document.title='pwned'\">",
    "</script><script>window.pwned=3</script>",
    "\"><svg onload=window.pwned=4>",
    "'-window.pwned-'",
    "javascript:window.pwned=5",
    "<!--<script>window.pwned=6</script>-->",
    "{{ 7*7 }}{% raw %}${window.pwned=7}",
    "<a href='javascript:window.pwned=8'>link</a>",
    "\u2028</title><style>body{display:none}</style>\u202e",
)  # fmt: skip
