"""The style of the report's page: for phones, wide screens, dark rooms and paper."""

STYLE = """
:root{--ink:#1c2321;--quiet:#5d6763;--line:#dfe3df;--paper:#fdfdfb;--card:#f5f6f2;--was:#8c2f2b;--now:#1f5f3f;
--tag:#8a5a00;color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{--ink:#e6e8e4;--quiet:#98a29d;--line:#343b38;--paper:#151917;--card:#1d2220;
--was:#eb948f;--now:#84cfa4;--tag:#e0b15c}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:anywhere}
main{max-width:52rem;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{font-size:1.9rem;line-height:1.2;margin:.1rem 0 .4rem}
h2{font-size:1.3rem;margin:2.6rem 0 .6rem;padding-bottom:.3rem;border-bottom:1px solid var(--line)}
h3{font-size:1.05rem;margin:1.5rem 0 0}
h4{font-size:1rem;margin:0}
p{margin:.35rem 0}
.origin,.id,.by{color:var(--quiet);font-size:.82rem}
.origin,.id,dd,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.id{margin:0 0 .3rem}
.period{font-size:1.05rem}
.quiet,.cited,caption,dt{color:var(--quiet)}
.cited{font-size:.88rem}
.cited::before{content:"\\2014\\00a0"}
.figures{list-style:none;display:grid;grid-template-columns:repeat(auto-fill,minmax(6rem,1fr));gap:.6rem;padding:0;
margin:1.4rem 0}
.figures li{border:1px solid var(--line);border-radius:.5rem;padding:.6rem .7rem;font-size:.85rem;line-height:1.25}
.figures b{display:block;font-size:1.5rem;font-variant-numeric:tabular-nums}
.figures .none{color:var(--quiet)}
article{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.8rem 1rem;margin:.7rem 0;
break-inside:avoid}
.change{font-size:1.05rem}
del{color:var(--was)}
ins{color:var(--now);text-decoration:none;font-weight:600}
.arrow{color:var(--quiet)}
.tag{font-size:.72rem;font-weight:600;letter-spacing:.03em;color:var(--tag);border:1px solid currentColor;
border-radius:.3rem;padding:.05rem .35rem;vertical-align:.1em;white-space:nowrap}
.tag.new{color:var(--now)}
table{border-collapse:collapse;width:100%;font-size:.88rem;margin:.5rem 0}
caption{text-align:left;padding-bottom:.2rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-top:1px solid var(--line);font-weight:400;
overflow-wrap:break-word}
.count{text-align:right;font-variant-numeric:tabular-nums;width:3.5rem;padding-right:1rem}
.facts{margin:.2rem 0;padding-left:1.1rem}
.facts li{margin:.35rem 0}
time{font-variant-numeric:tabular-nums;color:var(--quiet)}
a{color:inherit}
dd{margin:0 0 .7rem;font-size:.82rem}
pre{background:var(--card);border:1px solid var(--line);border-radius:.4rem;padding:.7rem;white-space:pre-wrap;
font-size:.82rem}
@media (max-width:34rem){main{padding:1.2rem 1rem 3rem}article table,article caption,article tbody,article tr,
article th,article td{display:block}article th,article td{border:0;padding:.05rem 0}
article tr{border-top:1px solid var(--line);
padding:.35rem 0}}
@media print{:root{--paper:#fff;--card:#fff;--ink:#000;--quiet:#444;--was:#000;--now:#000;--tag:#000}
body{font-size:10.5pt}main{max-width:none;padding:0}h2,h3{break-after:avoid}.facts li{break-inside:avoid}}
"""
