//! OpenAI's own facts about its models: the checksum of each file, and the attention heads that follow the time.
//!
//! Source: `whisper/__init__.py` of openai-whisper 20250625 (MIT), which has the sums in its addresses and the heads as masks.

use super::weights::Dims;

/// A published checkpoint.
pub(super) struct Official {
    pub(super) name: &'static str,
    pub(super) sha256: &'static str,
    /// (layer, head) of the decoder's attention over the sound.
    pub(super) heads: &'static [(u32, u32)],
}

/// The checkpoint that has this sum.
pub(super) fn of_sum(sha256: &str) -> Option<&'static Official> {
    OFFICIAL.iter().find(|official| official.sha256 == sha256)
}

/// The checksum of a checkpoint, by its name.
pub(in crate::speech::models) fn sum_of(name: &str) -> Option<&'static str> {
    OFFICIAL.iter().find(|official| official.name == name).map(|official| official.sha256)
}

/// The heads of a model of which nobody says them: all of the upper half, as OpenAI and CTranslate2 take them then.
pub(super) fn upper_half(dims: &Dims) -> Vec<(u32, u32)> {
    (dims.n_text_layer / 2..dims.n_text_layer)
        .flat_map(|layer| (0..dims.n_text_head).map(move |head| (layer, head)))
        .collect()
}

#[rustfmt::skip]
const OFFICIAL: &[Official] = &[
    Official {
        name: "tiny.en",
        sha256: "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03",
        heads: &[(1, 0), (2, 0), (2, 5), (3, 0), (3, 1), (3, 2), (3, 3), (3, 4)],
    },
    Official {
        name: "tiny",
        sha256: "65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9",
        heads: &[(2, 2), (3, 0), (3, 2), (3, 3), (3, 4), (3, 5)],
    },
    Official {
        name: "base.en",
        sha256: "25a8566e1d0c1e2231d1c762132cd20e0f96a85d16145c3a00adf5d1ac670ead",
        heads: &[(3, 3), (4, 7), (5, 1), (5, 5), (5, 7)],
    },
    Official {
        name: "base",
        sha256: "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e",
        heads: &[(3, 1), (4, 2), (4, 3), (4, 7), (5, 1), (5, 2), (5, 4), (5, 6)],
    },
    Official {
        name: "small.en",
        sha256: "f953ad0fd29cacd07d5a9eda5624af0f6bcf2258be67c92b79389873d91e0872",
        heads: &[(6, 6), (7, 0), (7, 3), (7, 8), (8, 2), (8, 5), (8, 7), (9, 0), (9, 4), (9, 8), (9, 10), (10, 0), (10, 1), (10, 2),
            (10, 3), (10, 6), (10, 11), (11, 2), (11, 4)],
    },
    Official {
        name: "small",
        sha256: "9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794",
        heads: &[(5, 3), (5, 9), (8, 0), (8, 4), (8, 7), (8, 8), (9, 0), (9, 7), (9, 9), (10, 5)],
    },
    Official {
        name: "medium.en",
        sha256: "d7440d1dc186f76616474e0ff0b3b6b879abc9d1a4926b7adfa41db2d497ab4f",
        heads: &[(11, 4), (14, 1), (14, 12), (14, 14), (15, 4), (16, 0), (16, 4), (16, 9), (17, 12), (17, 14), (18, 7), (18, 10), (18, 15),
            (20, 0), (20, 3), (20, 9), (20, 14), (21, 12)],
    },
    Official {
        name: "medium",
        sha256: "345ae4da62f9b3d59415adc60127b97c714f32e89e936602e85993674d08dcb1",
        heads: &[(13, 15), (15, 4), (15, 15), (16, 1), (20, 0), (23, 4)],
    },
    Official {
        name: "large-v1",
        sha256: "e4b87e7e0bf463eb8e6956e646f1e277e901512310def2c24bf0e11bd3c28e9a",
        heads: &[(9, 19), (11, 2), (11, 4), (11, 17), (22, 7), (22, 11), (22, 17), (23, 2), (23, 15)],
    },
    Official {
        name: "large-v2",
        sha256: "81f7c96c852ee8fc832187b0132e569d6c3065a3252ed18e56effd0b6a73e524",
        heads: &[(10, 12), (13, 17), (16, 11), (16, 12), (16, 13), (17, 15), (17, 16), (18, 4), (18, 11), (18, 19), (19, 11), (21, 2),
            (21, 3), (22, 3), (22, 9), (22, 12), (23, 5), (23, 7), (23, 13), (25, 5), (26, 1), (26, 12), (27, 15)],
    },
    Official {
        name: "large-v3",
        sha256: "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb",
        heads: &[(7, 0), (10, 17), (12, 18), (13, 12), (16, 1), (17, 14), (19, 11), (21, 4), (24, 1), (25, 6)],
    },
    Official {
        name: "large-v3-turbo",
        sha256: "aff26ae408abcba5fbf8813c21e62b0941638c5f6eebfb145be0c9839262a19a",
        heads: &[(2, 4), (2, 11), (3, 3), (3, 6), (3, 11), (3, 14)],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_head_lies_in_its_model() {
        for official in OFFICIAL {
            let family = official.name.split(['.', '-']).next().unwrap_or_default();
            let (layers, heads) = match (family, official.name) {
                (_, "large-v3-turbo") => (4, 20),
                ("tiny", _) => (4, 6),
                ("base", _) => (6, 8),
                ("small", _) => (12, 12),
                ("medium", _) => (24, 16),
                _ => (32, 20),
            };
            assert!(official.heads.iter().all(|&(layer, head)| layer < layers && head < heads), "{}", official.name);
            assert!(official.heads.is_sorted() && official.sha256.len() == 64, "{}", official.name);
            assert_eq!(of_sum(official.sha256).map(|found| found.name), Some(official.name));
            assert_eq!(sum_of(official.name), Some(official.sha256));
        }
    }
}
