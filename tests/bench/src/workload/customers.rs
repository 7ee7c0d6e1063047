//! Who an event is about: customers take part by Zipf's law.

use fastrand::Rng;

/// The first customer's id.
const FIRST: u64 = 700_000_000;

/// Chooses customers.
#[derive(Debug)]
pub(crate) struct Customers {
    /// For each rank, the share of all records up to and including it.
    shares: Vec<f64>,
}

impl Customers {
    pub(crate) fn new(count: u32, exponent: f64) -> Self {
        let mut sum = 0.0;
        let mut shares: Vec<f64> = (1..=count)
            .map(|rank| {
                sum += f64::from(rank).powf(-exponent);
                sum
            })
            .collect();
        for share in &mut shares {
            *share /= sum;
        }
        Self { shares }
    }

    /// The id of the next event's customer.
    pub(crate) fn next(&self, rng: &mut Rng) -> u64 {
        let point = rng.f64();
        let rank = self.shares.partition_point(|share| *share < point);
        FIRST + rank.min(self.shares.len().saturating_sub(1)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_customer_is_as_busy_as_zipfs_law_says() {
        let customers = Customers::new(1000, 1.0);
        let mut rng = Rng::with_seed(1);
        let first = (0..100_000)
            .filter(|_| customers.next(&mut rng) == FIRST)
            .count();
        // 1 / (1 + 1/2 + … + 1/1000) is 0.1336.
        assert!((13_000..13_700).contains(&first), "{first}");
    }

    #[test]
    fn customers_have_equal_shares_without_an_exponent() {
        let customers = Customers::new(10, 0.0);
        let mut rng = Rng::with_seed(1);
        let mut counts = [0_u32; 10];
        for _ in 0..10_000 {
            counts[usize::try_from(customers.next(&mut rng) - FIRST).unwrap()] += 1;
        }
        assert!(
            counts.iter().all(|count| (900..1100).contains(count)),
            "{counts:?}"
        );
    }
}
