//! Positions in a wave's lists. Each list has a type of its own, so that the position of an order
//! is never taken for that of its customer.

/// Makes the type of the positions in a list, and lets the lists of those items be indexed by it.
macro_rules! positions {
    ($(#[$doc:meta])* $vis:vis $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis struct $name(usize);

        impl $name {
            /// The one at this place.
            $vis fn at(place: usize) -> Self {
                Self(place)
            }

            /// The positions of a list of so many.
            pub(in crate::planner) fn all(count: usize) -> impl Iterator<Item = Self> {
                (0..count).map(Self)
            }

            /// The place in the list, from 0.
            $vis fn place(self) -> usize {
                self.0
            }
        }
    };
}

/// Lets a list of these items be indexed by positions of its own kind.
macro_rules! indexed_by {
    ($index:ty => $item:ty) => {
        impl std::ops::Index<$index> for [$item] {
            type Output = $item;

            fn index(&self, at: $index) -> &$item {
                &self[at.place()]
            }
        }

        impl std::ops::Index<$index> for Vec<$item> {
            type Output = $item;

            fn index(&self, at: $index) -> &$item {
                &self[at.place()]
            }
        }

        impl std::ops::IndexMut<$index> for Vec<$item> {
            fn index_mut(&mut self, at: $index) -> &mut $item {
                &mut self[at.place()]
            }
        }
    };
}

pub(super) use indexed_by;

positions! {
    /// Which job of a wave: its place in the list that the wave was made of.
    pub JobIx
}

positions! {
    /// Which of a wave's customers.
    pub(in crate::planner) CustomerIx
}

positions! {
    /// Which of a wave's legal entities.
    pub(in crate::planner) FirmIx
}

positions! {
    /// Which part of a product.
    pub(in crate::planner) PartIx
}
