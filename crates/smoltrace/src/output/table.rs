//! Tables for people: fitted to the terminal's width, numbers to the right, colours only on request.

use std::borrow::Cow;

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, presets,
};

/// How a column is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// Look of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Good,
    Bad,
    Dim,
}

/// A column: heading, alignment, and how readily it goes when the terminal is narrow (0 = never).
#[derive(Debug, Clone)]
pub struct Column {
    pub title: Cow<'static, str>,
    pub align: Align,
    pub drop_order: u8,
}

pub const fn left(title: &'static str, drop_order: u8) -> Column {
    Column { title: Cow::Borrowed(title), align: Align::Left, drop_order }
}

pub const fn right(title: &'static str, drop_order: u8) -> Column {
    Column { title: Cow::Borrowed(title), align: Align::Right, drop_order }
}

/// Lays rows out; columns with the highest drop order go first until the rest fits `width`.
pub fn render(columns: &[Column], rows: &[Vec<(String, Tone)>], width: Option<u16>, color: bool) -> String {
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            rows.iter()
                .filter_map(|row| row.get(index))
                .map(|(text, _)| text.chars().count())
                .chain([column.title.chars().count()])
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    if let Some(width) = width {
        while kept.iter().map(|&index| widths[index] + 2).sum::<usize>() > usize::from(width) {
            let Some(position) = (0..kept.len())
                .filter(|&position| columns[kept[position]].drop_order > 0)
                .max_by_key(|&position| (columns[kept[position]].drop_order, position))
            else {
                break;
            };
            kept.remove(position);
        }
    }

    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    match width {
        Some(width) => table.set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    if color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let aligned = |index: usize, cell: Cell| match columns[index].align {
        Align::Left => cell,
        Align::Right => cell.set_alignment(CellAlignment::Right),
    };
    table.set_header(kept.iter().map(|&index| {
        let cell = Cell::new(&columns[index].title);
        aligned(index, if color { cell.add_attribute(Attribute::Bold) } else { cell })
    }));
    for row in rows {
        table.add_row(kept.iter().map(|&index| {
            let (text, tone) = row.get(index).cloned().unwrap_or((String::new(), Tone::Plain));
            let cell = Cell::new(text);
            let cell = match (color, tone) {
                (true, Tone::Good) => cell.fg(Color::Green),
                (true, Tone::Bad) => cell.fg(Color::Red),
                (true, Tone::Dim) => cell.add_attribute(Attribute::Dim),
                _ => cell,
            };
            aligned(index, cell)
        }));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
        if width.is_none() {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    let text = table.to_string();
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Width of the terminal on standard output; none when piped, or when the terminal does not say (a width of 0).
pub fn terminal_width() -> Option<u16> {
    Table::new().width().filter(|width| *width > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_terminals_lose_columns_not_lines() {
        let columns = [left("model", 0), right("tokens", 0), left("submitted by", 9)];
        let rows = vec![vec![
            ("llama".to_owned(), Tone::Plain),
            ("26,002".to_owned(), Tone::Plain),
            ("somebody".to_owned(), Tone::Dim),
        ]];
        let wide = render(&columns, &rows, Some(60), false);
        assert!(wide.contains("somebody"), "{wide}");
        let narrow = render(&columns, &rows, Some(20), false);
        assert!(!narrow.contains("somebody") && narrow.contains("26,002"), "{narrow}");
        assert_eq!(narrow.lines().count(), 2, "{narrow}");
    }

    #[test]
    fn no_colour_unless_asked() {
        let columns = [left("a", 0)];
        let rows = vec![vec![("x".to_owned(), Tone::Bad)]];
        assert!(!render(&columns, &rows, None, false).contains('\u{1b}'));
        assert!(render(&columns, &rows, None, true).contains('\u{1b}'));
    }
}
