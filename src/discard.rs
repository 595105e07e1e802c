//! Reasons for dropping something, and their counters.

/// Declares an enum of reasons, each with a name for metrics.
macro_rules! discards {
    (
        $(#[$attribute:meta])*
        $name:ident {
            $($(#[$doc:meta])* $variant:ident => $text:literal,)*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// A short name in snake case, for metrics.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl From<$name> for usize {
            fn from(reason: $name) -> Self {
                reason as Self
            }
        }
    };
}

pub(crate) use discards;

/// One counter for each of `N` reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tally<const N: usize>([u64; N]);

impl<const N: usize> Tally<N> {
    pub(crate) const fn new() -> Self {
        Self([0; N])
    }

    pub(crate) fn count(&mut self, reason: impl Into<usize>) {
        if let Some(count) = self.0.get_mut(reason.into()) {
            *count += 1;
        }
    }

    pub(crate) fn get(&self, reason: impl Into<usize>) -> u64 {
        self.0.get(reason.into()).copied().unwrap_or_default()
    }
}
