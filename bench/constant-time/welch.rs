//! Welch's t-test, as in "Dude, is my code constant time?" (Reparaz, Balasch and Verbauwhede,
//! 2017).

/// Beyond this, times differ for sure.
pub(crate) const LEAK: f64 = 10.0;

/// Times above these percentiles of all are cut off, one after the other: interrupts hide what the
/// fast passes show.
const PERCENTILES: [usize; 6] = [50, 75, 90, 95, 99, 100];

/// The largest |t| over all cuts between the times of two classes.
pub(crate) fn largest_t(classes: &[Vec<f64>; 2]) -> f64 {
    let mut all = classes.concat();
    all.sort_by(f64::total_cmp);
    PERCENTILES
        .into_iter()
        .map(|percentile| {
            let limit = all[(all.len() * percentile / 100).min(all.len() - 1)];
            let [a, b] = classes.each_ref().map(|times| Moments::of(times, limit));
            a.t(&b).abs()
        })
        .fold(0.0, f64::max)
}

/// Number, mean and variance.
struct Moments {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Moments {
    fn of(times: &[f64], limit: f64) -> Self {
        let kept = || times.iter().filter(|&&time| time <= limit);
        let count = kept().count() as f64;
        let mean = kept().sum::<f64>() / count;
        let squares: f64 = kept().map(|time| (time - mean).powi(2)).sum();
        Self {
            count,
            mean,
            variance: squares / (count - 1.0),
        }
    }

    fn t(&self, other: &Self) -> f64 {
        let spread = self.variance / self.count + other.variance / other.count;
        if spread == 0.0 && self.mean == other.mean {
            return 0.0;
        }
        (self.mean - other.mean) / spread.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shifted_class_is_told_from_an_equal_one() {
        let noise = |shift: f64| (0..1000).map(|i| f64::from(i % 10) + shift).collect();
        assert!(largest_t(&[noise(0.0), noise(0.0)]) < 1.0);
        assert!(largest_t(&[noise(0.0), noise(3.0)]) > LEAK);
    }
}
