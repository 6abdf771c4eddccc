//! The table at the end.

/// Where the table of the page of benchmarks begins and ends.
const BEGIN: &str = "<!-- figures: cargo bench -->\n";
const END: &str = "\n<!-- end of figures -->";

/// What a figure is measured against.
pub(crate) enum Bar {
    AtMost(f64),
    AtLeast(f64),
    /// Told, not judged.
    None,
}

#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<[String; 5]>,
}

impl Report {
    /// A figure, what it was measured beside, and the number that the bar judges.
    pub(crate) fn add(
        &mut self,
        what: &str,
        figure: impl Into<String>,
        baseline: impl Into<String>,
        judged: f64,
        bar: &Bar,
    ) {
        let (text, met) = match bar {
            Bar::AtMost(most) => (format!("≤ {most}"), Some(judged <= *most)),
            Bar::AtLeast(least) => (format!("≥ {least}"), Some(judged >= *least)),
            Bar::None => (String::new(), None),
        };
        let verdict = match met {
            Some(true) => format!("{judged:.2}: met"),
            Some(false) => format!("{judged:.2}: MISSED"),
            None if judged.is_nan() => String::new(),
            None => format!("{judged:.2}"),
        };
        let row = [
            what.to_owned(),
            figure.into(),
            baseline.into(),
            text,
            verdict,
        ];
        println!("{}", row.join(" | "));
        self.rows.push(row);
    }

    /// Puts the rows into the table of the page of benchmarks: in the place of those of the same
    /// name, else behind them. What was not measured stays.
    pub(crate) fn write(&self) {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/benchmarks.md");
        let text = std::fs::read_to_string(page).unwrap();
        let (before, rest) = text.split_once(BEGIN).expect("where the table begins");
        let (there, after) = rest.split_once(END).expect("where the table ends");
        let there = there.lines().filter(|line| line.starts_with("| ")).skip(2);
        let mut rows: Vec<_> = there.map(str::to_owned).collect();
        for row in &self.rows {
            let new = line(row);
            let name = format!("| {} |", row[0]);
            match rows.iter_mut().find(|old| old.starts_with(&name)) {
                Some(old) => *old = new,
                None => rows.push(new),
            }
        }
        let table = table(rows);
        std::fs::write(page, format!("{before}{BEGIN}\n{table}{END}{after}")).unwrap();
    }

    /// Prints the table.
    pub(crate) fn print(&self) {
        println!("\n{}", table(self.rows.iter().map(line)));
    }
}

/// A row as Markdown.
fn line(row: &[String; 5]) -> String {
    format!("| {} |", row.join(" | "))
}

/// Rows below their heads, as Markdown.
fn table(rows: impl IntoIterator<Item = String>) -> String {
    let head = ["what", "here", "baseline in the same run", "bar", "result"];
    let heads = [head.map(str::to_owned), ["---"; 5].map(str::to_owned)];
    let lines = heads.iter().map(line).chain(rows);
    lines.fold(String::new(), |table, line| table + &line + "\n")
}

/// Runs a thing and says how many seconds it took.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, f64) {
    let started = std::time::Instant::now();
    let done = work.await;
    (done, started.elapsed().as_secs_f64())
}

/// The value below which this share of the values lies.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into a short list"
    )]
    let index = ((values.len() as f64 * share).ceil() as usize).clamp(1, values.len()) - 1;
    values[index]
}
