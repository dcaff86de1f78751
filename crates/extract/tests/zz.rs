use tieline_extract::*;
use std::time::Instant;
#[tokio::test] async fn z(){
    let mut page = String::from("<!doctype html><html><head><meta charset=utf-8><title>News</title><style>body{font:14px sans-serif} .a{color:red}</style></head><body><table width=600 cellpadding=0 style=\"border-collapse:collapse\">");
    while page.len() < 4000 { page.push_str("<tr><td style=\"padding:0 12px;font-family:Arial,sans-serif\" class=\"cell\"><p>Hello M&uuml;ller, this is a paragraph of a newsletter&nbsp;with <a href=\"https://example.org/track?id=123456789&amp;x=1\">a link</a> and some <b>bold</b> Größe.</p></td></tr>\n"); }
    page.push_str("</table></body></html>");
    for _ in 0..3 {
        let t = Instant::now(); let mut n = 0;
        for _ in 0..10_000 { n += text(page.as_bytes(), Format::Html).unwrap().text.len(); }
        println!("html {} bytes x 10000: {:?} -> {n}", page.len(), t.elapsed());
    }
    let exe = std::env::current_exe().unwrap(); let w = exe.ancestors().nth(2).unwrap().join("examples/worker");
    let x = Extractor::new(w, 2);
    let t = Instant::now();
    for _ in 0..10_000 { x.text(page.clone().into_bytes(), Format::Html).await.unwrap(); }
    println!("through a worker: {:?}", t.elapsed());
    for f in std::fs::read_dir("/tmp/eval/pdfs").unwrap().flatten() { if f.path().extension().is_some_and(|e| e == "pdf") {
        let t = Instant::now(); let b = std::fs::read(f.path()).unwrap();
        let r = x.text(b, Format::Pdf).await;
        println!("{:?} {:?} {:?}", f.file_name(), t.elapsed(), r.as_ref().map(|t| (t.text.len(), t.truncated)).map_err(|e| e.reason));
        if f.file_name() == "chromium.pdf" { println!("{}", r.unwrap().text); }
    } }
    for f in ["/usr/share/doc/libtasn1-doc", "/usr/share/doc"] { let _ = f; }
}
