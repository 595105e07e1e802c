//! What many short batches of one thing took.

/// Times of batches, in whatever unit.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds the time of a batch.
    pub fn push(&mut self, time: f64) {
        self.0.push(time);
    }

    /// The fastest batch: what the code costs when nothing else runs.
    #[must_use]
    pub fn minimum(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The batch in the middle: what the machine made of it.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_and_the_median_do_not_depend_on_the_order() {
        let mut samples = Samples::default();
        for time in [3.0, 1.0, 9.0, 2.0, 7.0] {
            samples.push(time);
        }
        assert_eq!((samples.minimum(), samples.median()), (1.0, 3.0));
    }
}
