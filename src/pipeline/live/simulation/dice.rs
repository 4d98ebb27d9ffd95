//! Chance that is the same for the same seed.

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something happens that happens with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.roll() < probability
    }

    /// A number from `from` to before `to`.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + (self.roll() * (to - from) as f64) as u64
    }
}
