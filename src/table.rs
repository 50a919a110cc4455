//! Tables for people: aligned columns, a bold head, bad cells in red.

use std::fmt::Write;
use std::io::IsTerminal;

use crate::console::Colour;

/// Characters below which no column is shortened.
const NARROWEST: usize = 12;

const GAP: &str = "  ";

/// A line of a table. `bad` is the column whose cell reports a fault.
pub struct Row<const N: usize> {
    pub cells: [String; N],
    pub bad: Option<usize>,
}

/// A table, each column as wide as its widest cell.
pub struct Table<const N: usize> {
    titles: [&'static str; N],
    rows: Vec<Row<N>>,
    widths: [usize; N],
}

impl<const N: usize> Table<N> {
    pub fn new(titles: [&'static str; N], rows: Vec<Row<N>>) -> Self {
        let mut widths = titles.map(str::len);
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(&row.cells) {
                *width = cell.chars().count().max(*width);
            }
        }
        Table { titles, rows, widths }
    }

    /// Returns the characters in the longest line.
    pub fn width(&self) -> usize {
        self.widths.iter().sum::<usize>() + (N - 1) * GAP.len()
    }

    /// Narrows the widest of some columns until the table fits, as far as that is possible.
    pub fn narrow(&mut self, columns: [usize; 2], width: usize) {
        for _ in width..self.width() {
            let [one, other] = columns.map(|column| self.widths.get(column).copied());
            let widest = if one >= other { columns[0] } else { columns[1] };
            if let Some(widest) = self.widths.get_mut(widest)
                && *widest > NARROWEST
            {
                *widest -= 1;
            }
        }
    }

    /// Returns the lines; the text is the same with and without colour.
    pub fn text(&self, colour: Colour, stream: &impl IsTerminal) -> String {
        let mut head = String::new();
        for (title, width) in self.titles.iter().zip(self.widths) {
            let _ = write!(head, "{title:<width$}{GAP}");
        }
        let mut text = colour.paint_head(head.trim_end(), stream) + "\n";
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.cells.iter().zip(self.widths).enumerate() {
                let cell = shortened(cell, width);
                let padding = " ".repeat(width - cell.chars().count());
                let is_bad = row.bad == Some(column);
                line += &if is_bad { colour.paint_bad(&cell, stream) } else { cell };
                line += &(padding + GAP);
            }
            text += &(line.trim_end().to_owned() + "\n");
        }
        text
    }
}

/// Returns a text without the middle that does not fit; a path's end says more than its start.
fn shortened(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let start = width / 3;
    let end = length - (width - start - 1);
    text.chars().take(start).chain(['…']).chain(text.chars().skip(end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn middle_of_a_long_text_is_left_out() {
        assert_eq!(shortened("/usr/bin/python3", 16), "/usr/bin/python3");
        assert_eq!(shortened("/opt/studio/py/bin/python3.11", 18), "/opt/s…/python3.11");
        assert_eq!(shortened("/ä/ö/ü/ß/é", 5), "/…ß/é");
    }

    #[test]
    fn wide_columns_become_narrow_to_a_limit() {
        let cells = ["name".into(), "x".repeat(40), "y".repeat(20)];
        let mut table = Table::new(["A", "B", "C"], vec![Row { cells, bad: None }]);
        assert_eq!(table.width(), 68);
        table.narrow([1, 2], 50);
        assert_eq!((table.widths, table.width()), ([4, 22, 20], 50));
        table.narrow([1, 2], 1);
        assert_eq!(table.widths, [4, NARROWEST, NARROWEST]);
    }
}
