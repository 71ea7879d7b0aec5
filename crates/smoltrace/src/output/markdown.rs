//! A comparison in GitHub-flavoured Markdown, for a job's summary. What runs and tests are called is text from
//! elsewhere: none of it is taken for markup.

use smoltrace_model::compare::{Change, Comparison, GateStatus, Verdict};

use crate::{
    commands::compare::{Gated, change_word, heading, interval, name, verdict_word},
    output::format,
};

/// Tests that are listed by name.
const MOST_TESTS: usize = 50;

/// The comparison with what its gates said.
pub fn report(comparison: &Comparison, gated: &[Gated<'_>]) -> String {
    let mut out = String::from("## Runs compared\n\n| | model | run |\n|---|---|---|\n");
    for run in &comparison.runs {
        let simulated = if run.simulated { " (simulated)" } else { "" };
        row(&mut out, &[&run.letter, &format!("{}{simulated}", text(&run.model)), &text(&run.run_id)]);
    }
    for (against, outcomes) in gated {
        out.push_str(&format!("\n### {}\n\n", heading(comparison, against)));
        if !outcomes.is_empty() {
            out.push_str("| gate | fails if | found |\n|---|---|---|\n");
            for outcome in outcomes {
                let word = match outcome.status {
                    GateStatus::Passed => "met",
                    GateStatus::Failed => "**failed**",
                    GateStatus::Unknown => "**unknown**",
                };
                row(&mut out, &[word, &text(&outcome.gate), &text(&outcome.reason)]);
            }
            out.push('\n');
        }
        let (first, this) = (&comparison.runs[0].letter, &comparison.runs[against.run].letter);
        row(&mut out, &["metric", first, this, "difference", "%", "95% interval", "verdict"]);
        out.push_str("|---|---:|---:|---:|---:|---|---|\n");
        for of in &against.metrics {
            let word = verdict_word(of.verdict);
            let word = match of.verdict {
                Verdict::Better | Verdict::Worse => format!("**{word}**"),
                Verdict::Tie | Verdict::Undecided => word.to_owned(),
            };
            let cells = [
                name(of.metric).to_owned(),
                text(&format::metric(of.first, &of.unit)),
                text(&format::metric(of.this, &of.unit)),
                text(&format::difference(of.difference, &of.unit)),
                text(&format::difference(of.difference_percent, "%%")),
                text(&interval(of)),
                word,
            ];
            row(&mut out, &cells.each_ref().map(String::as_str));
        }
        changed(&mut out, comparison, against.run);
    }
    for note in &comparison.notes {
        out.push_str(&format!("\n> {}\n", text(note)));
    }
    out
}

fn changed(out: &mut String, comparison: &Comparison, run: usize) {
    let changed: Vec<_> = comparison
        .tests
        .iter()
        .map(|line| (line, line.changes[run - 1]))
        .filter(|(_, change)| matches!(change, Change::Fixed | Change::Broken))
        .collect();
    if changed.is_empty() {
        return;
    }
    out.push_str("\n| test | |\n|---|---|\n");
    for (line, change) in changed.iter().take(MOST_TESTS) {
        let attempt = line.attempt.map_or(String::new(), |attempt| format!(" attempt {attempt}"));
        row(out, &[&format!("{}{attempt}", text(&line.test)), change_word(*change)]);
    }
    if changed.len() > MOST_TESTS {
        out.push_str(&format!("\nand {} more\n", changed.len() - MOST_TESTS));
    }
}

fn row(out: &mut String, cells: &[&str]) {
    out.push_str(&format!("| {} |\n", cells.join(" | ")));
}

/// Text that stays text: characters with a meaning in Markdown are escaped, lines are joined, length is bounded.
fn text(value: &str) -> String {
    let mut out = String::new();
    for c in format::text(value, 200).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '!' | '|' | '~' | '$' | '@' | ':' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_markup() {
        let check = |value: &str, expected: &str| assert_eq!(text(value), expected);
        check("tool:a_b", "tool\\:a\\_b");
        check("<img src=x>", "&lt;img src=x&gt;");
        check("a|b\n| c |", "a\\|b \\| c \\|");
        check("[x](http://y) `z` **w**", "\\[x\\](http\\://y) \\`z\\` \\*\\*w\\*\\*");
    }
}
