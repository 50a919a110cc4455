//! The man page.

use std::io;

use clap::CommandFactory;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use sgtk_python::cli::{Cli, EXAMPLES, EXIT_CODES, FILES, VARIABLES};

pub fn page() -> io::Result<Vec<u8>> {
    let man = Man::new(Cli::command());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    roff.control("nf", []);
    for line in EXAMPLES.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    list(&mut roff, "ENVIRONMENT", VARIABLES);
    roff.control("SH", ["FILES"]);
    roff.text([roman(FILES)]);
    list(&mut roff, "EXIT STATUS", EXIT_CODES);
    roff.control("PP", []);
    roff.text([roman("All others are Python's.")]);
    roff.to_writer(&mut page)?;
    Ok(page)
}

fn list(roff: &mut Roff, title: &str, entries: &[(&str, &str)]) {
    roff.control("SH", [title]);
    for (name, meaning) in entries {
        roff.control("TP", []);
        roff.text([bold(*name)]);
        roff.text([roman(*meaning)]);
    }
}
