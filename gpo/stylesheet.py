"""The style sheet of the HTML report: system fonts, one column, both colour schemes, and paper."""

STYLESHEET = """
:root{--page:#f8f9fa;--card:#fff;--ink:#212529;--soft:#5c636a;--line:#dee2e6;--accent:#0b7285;--wash:#e3f2f5;
--code:#f1f3f5;--added:#d3f0dc;--removed:#fde0dd;--added-ink:#0b5227;--removed-ink:#8c1d18;
--amber:#b35c00;--red:#b3261e}
@media (prefers-color-scheme:dark){
:root{--page:#121518;--card:#1b1f24;--ink:#e9ecef;--soft:#a5adb5;--line:#343a40;--accent:#3bc9db;--wash:#12343b;
--code:#22272d;--added:#123d22;--removed:#4a1d1b;--added-ink:#a3e9b9;--removed-ink:#ffb8b1;
--amber:#ffb454;--red:#ff8a80}
}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",sans-serif;font-variant-numeric:tabular-nums}
main{max-width:900px;margin:0 auto;padding:40px 24px 72px}
header p{margin:0}
.kind{color:var(--accent);font-size:14px;font-weight:600}
h1{margin:2px 0 6px;font-size:30px;line-height:1.2;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{margin:0 0 12px;font-size:20px;line-height:1.3}
h3{margin:20px 0 8px;font-size:15px;line-height:1.4}
section{margin-top:44px}
.note{color:var(--soft);font-size:14px;font-weight:400}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.86em}
code{background:var(--code);border-radius:4px;padding:.1em .35em;overflow-wrap:anywhere}
pre{margin:0;padding:12px 14px;background:var(--card);border:1px solid var(--line);border-radius:8px;
white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.5}
td pre{padding:0;border:0;background:none}
.verdict{margin-top:28px;padding:18px 22px;background:var(--card);border:1px solid var(--line);
border-left:5px solid var(--soft);border-radius:8px}
.verdict p{margin:0;font-size:19px;line-height:1.45}
.verdict strong{font-weight:650}
.verdict.better{border-left-color:var(--accent)}.verdict.better strong{color:var(--accent)}
.verdict.worse{border-left-color:var(--red)}.verdict.worse strong{color:var(--red)}
.verdict.unclear{border-left-color:var(--amber)}.verdict.unclear strong{color:var(--amber)}
.verdict h2{margin:16px 0 4px;font-size:15px}
.verdict ul{margin:0;padding-left:20px;font-size:15px}
.verdict li+li{margin-top:6px}
.verdict.better .decision{color:var(--accent)}.verdict.worse .decision{color:var(--red)}
.verdict.unclear .decision{color:var(--amber)}
.verdict .warning::marker{content:"!\\00a0\\00a0";color:var(--amber);font-weight:700}
.wrong{color:var(--red);font-weight:600}
.wide{overflow-x:auto;margin-top:20px}
section>h2+.wide{margin-top:0}
.wide:focus-visible,.chart:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
table{width:100%;border-collapse:collapse;font-size:15px}
caption{text-align:left;color:var(--soft);font-size:14px;padding-bottom:6px}
th,td{padding:8px 16px 8px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th:last-child,td:last-child{padding-right:0}
thead th{font-size:13.5px;font-weight:600;color:var(--soft);white-space:nowrap;vertical-align:bottom}
tbody th{font-weight:600;white-space:nowrap}
td{overflow-wrap:anywhere}
.number{text-align:right;white-space:nowrap}
td .note,th .note{display:block;font-size:13px}
.status{display:block;width:fit-content;font-size:12.5px;font-weight:500;color:var(--soft)}
.status.best{color:var(--accent);font-weight:650}
h3 .status{display:inline;margin-left:8px}
p .note{display:inline;margin-left:6px}
.difference{margin:0;padding:14px 16px;background:var(--card);border:1px solid var(--line);border-radius:8px;
line-height:1.75;overflow-wrap:anywhere}
ins,del{border-radius:3px;padding:.08em .2em;-webkit-box-decoration-break:clone;box-decoration-break:clone}
ins{background:var(--added);color:var(--added-ink);text-decoration:underline;text-decoration-thickness:1px;
text-underline-offset:3px}
del{background:var(--removed);color:var(--removed-ink)}
.prose{min-width:15em}
.chart{overflow-x:auto}
.chart svg{display:block;width:100%;min-width:560px;height:auto}
details{margin-top:10px;border:1px solid var(--line);border-radius:8px;background:var(--card);padding:0 16px}
details[open]{padding-bottom:16px}
details pre{background:var(--page)}
summary{cursor:pointer;padding:10px 0;font-weight:600;font-size:15px}
details>.note{margin:0}
dl{margin:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:12px 24px}
dt{color:var(--soft);font-size:13.5px}
dd{margin:0;overflow-wrap:anywhere}
@media (max-width:560px){main{padding:24px 16px 48px}.verdict p{font-size:17px}}
@media print{
:root{--page:#fff}
body{font-size:11pt}
main{max-width:none;padding:0}
section{margin-top:28px}
.wide{overflow:visible}
tr,.verdict,.chart,h2,h3{break-inside:avoid}
h2,h3{break-after:avoid}
ins,del{-webkit-print-color-adjust:exact;print-color-adjust:exact}
details:not([open])::details-content{content-visibility:visible;display:block;block-size:auto}
}
"""
