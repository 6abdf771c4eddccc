//! Working on many things together, where one of them may be at fault.

/// Parts of a list: the whole at first, and halves of whatever failed for what is in one of its
/// things, down to the one.
#[derive(Debug)]
pub(crate) struct Bisection<T>(Vec<Vec<T>>);

impl<T> Bisection<T> {
    pub(crate) fn of(all: Vec<T>) -> Self {
        Self(vec![all])
    }

    /// The next part; in the order of the list.
    pub(crate) fn next(&mut self) -> Option<Vec<T>> {
        self.0.pop()
    }

    /// This part failed: its halves come next. One that was alone is given back: the fault is its
    /// own.
    pub(crate) fn failed(&mut self, mut part: Vec<T>) -> Option<T> {
        if part.len() < 2 {
            return part.pop();
        }
        let second = part.split_off(part.len() / 2);
        self.0.extend([second, part]);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_at_fault_are_left_alone_and_nobody_is_tried_often() {
        let bad = [3, 700, 701];
        let mut parts = Bisection::of((0..1_000).collect::<Vec<_>>());
        let (mut good, mut alone, mut turns) = (Vec::new(), Vec::new(), 0);
        while let Some(part) = parts.next() {
            turns += 1;
            if part.iter().any(|one| bad.contains(one)) {
                alone.extend(parts.failed(part));
            } else {
                good.extend(part);
            }
        }
        assert_eq!(alone, bad);
        assert_eq!(good.len(), 997);
        assert!(good.is_sorted() && turns < 60, "{turns}");
    }
}
