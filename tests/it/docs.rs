//! Pages that are made from the code.

use std::fs;
use std::path::Path;

#[path = "../../examples/generate/page.rs"]
mod page;

#[path = "../../examples/generate/man.rs"]
mod man;

#[test]
fn cli_page_follows_cli() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    let page = fs::read_to_string(file).unwrap_or_default();
    assert_eq!(page, page::page(), "make it again: cargo run --example generate -- --docs");
}

#[test]
fn man_page_has_the_usual_sections() {
    let page = String::from_utf8(man::page().unwrap()).unwrap();
    let mut last = 0;
    for section in ["NAME", "SYNOPSIS", "EXAMPLES", "ENVIRONMENT", "FILES", "EXIT STATUS"] {
        let heading = if section.contains(' ') {
            format!("\n.SH \"{section}\"")
        } else {
            format!("\n.SH {section}\n")
        };
        let at = page.find(&heading).unwrap_or_else(|| panic!("no {section} in\n{page}"));
        assert!(at > last, "{section} is out of order in\n{page}");
        last = at;
    }
    assert!(!page.contains(".SH EXTRA") && page.contains("nightly.py"), "{page}");
}
