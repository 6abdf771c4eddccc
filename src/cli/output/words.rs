//! Numbers with what they count, and what libraries say in plain words.

/// How many of something there are: `1 portal`, `2 portals`, `3 tries`.
pub(in crate::cli) fn count(many: impl TryInto<u64>, one: &str) -> String {
    let many = many.try_into().unwrap_or_default();
    match (many, one.strip_suffix('y')) {
        (1, _) => format!("1 {one}"),
        (_, Some(stem)) => format!("{many} {stem}ies"),
        (_, None) => format!("{many} {one}s"),
    }
}

/// What clap says, without the words of the library that reads numbers.
pub(super) fn without_parser(said: &str) -> String {
    let words = [
        ("invalid digit found in string", "it is no whole number"),
        (
            "cannot parse integer from empty string",
            "nothing stands there",
        ),
        ("number too large to fit in target type", "it is too large"),
        ("number too small to fit in target type", "it is too small"),
        ("invalid float literal", "it is no number"),
    ];
    let told = |said: String, (theirs, ours): &(&str, &str)| said.replace(theirs, ours);
    words.iter().fold(said.to_owned(), told)
}

/// What a library says, without the names of its parts and the numbers of the system.
pub(super) fn plain(words: &str) -> String {
    let starts = [
        "error communicating with database: ",
        "error returned from database: ",
    ];
    let words = starts
        .iter()
        .find_map(|start| words.strip_prefix(start))
        .unwrap_or(words);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let ends = [(" (os error ", ")"), (" at line ", "")];
    let cut = ends.iter().find_map(|(start, end)| {
        let (before, number) = words.strip_suffix(end)?.rsplit_once(start)?;
        is_number(number).then_some(before)
    });
    cut.unwrap_or(words).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_stands_in_the_number_that_it_has() {
        let told = [(0, "order"), (1, "try"), (2, "try"), (3, "row")].map(|(n, one)| count(n, one));
        assert_eq!(told, ["0 orders", "1 try", "2 tries", "3 rows"]);
    }

    #[test]
    fn what_a_library_says_is_told_without_its_own_numbers() {
        assert_eq!(
            plain("Connection refused (os error 111)"),
            "Connection refused"
        );
        let gone = "error returned from database: database \"x\" does not exist at line 948";
        assert_eq!(plain(gone), "database \"x\" does not exist");
        assert_eq!(
            plain("a fault at line 3, column 1"),
            "a fault at line 3, column 1"
        );
        let said = "invalid value 'a' for '<ID>': invalid digit found in string";
        assert_eq!(
            without_parser(said),
            "invalid value 'a' for '<ID>': it is no whole number"
        );
    }
}
