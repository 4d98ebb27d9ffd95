//! Which of the package's builds this CPU runs best.
//!
//! whisper.cpp chooses its SIMD kernels when it is compiled (CTranslate2 when it runs), so the package carries lineside three times: for x86-64-v2,
//! v3 and v4. `/usr/bin/lineside` is the first, runs everywhere, and hands over to the best of the others before it does anything else. Measured
//! on one core (encoder of tiny.en, 30 s of sound): SSE4.2 5.3 s, AVX2 0.9 s, AVX-512 0.78 s.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A generation of CPUs, after the x86-64 psABI; where the rest of lineside is concerned, higher is faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CpuLevel {
    /// SSE4.2: any x86-64 since 2008. Other architectures, which have one build each, are this too.
    V2,
    /// AVX2, FMA, F16C, BMI2: since 2013.
    V3,
    /// AVX-512 F, CD, VL, DQ, BW, and VNNI, which the quantised kernels want and which the psABI leaves out: since 2019.
    V4,
}

impl CpuLevel {
    /// The name of the folder that holds its build.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V2 => "x86-64-v2",
            Self::V3 => "x86-64-v3",
            Self::V4 => "x86-64-v4",
        }
    }

    /// Instructions that its kernels use.
    pub const fn kernels(self) -> &'static str {
        match self {
            Self::V2 if cfg!(target_arch = "aarch64") => "NEON",
            Self::V2 => "SSE4.2",
            Self::V3 => "AVX2",
            Self::V4 => "AVX-512",
        }
    }

    /// The level that this CPU and its kernel support.
    pub fn of_this_cpu() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            use std::is_x86_feature_detected as has;
            if !(has!("avx2") && has!("fma") && has!("f16c") && has!("bmi2")) {
                return Self::V2;
            }
            let wide = has!("avx512f") && has!("avx512cd") && has!("avx512vl") && has!("avx512dq") && has!("avx512bw");
            if wide && has!("avx512vnni") { Self::V4 } else { Self::V3 }
        }
        #[cfg(not(target_arch = "x86_64"))]
        Self::V2
    }

    /// The level that the kernels in this executable were compiled for: as whisper.cpp itself reports, not as the build was told.
    pub fn of_this_build() -> Self {
        Self::said(whisper_rs::print_system_info())
    }

    /// Reads whisper.cpp's "… | AVX2 = 1 | F16C = 1 | …".
    fn said(info: &str) -> Self {
        let has =
            |name: &str| info.split('|').any(|part| part.trim().trim_start_matches("CPU : ") == format!("{name} = 1"));
        if !(has("AVX2") && has("FMA") && has("F16C")) {
            Self::V2
        } else if has("AVX512") && has("AVX512_VNNI") {
            Self::V4
        } else {
            Self::V3
        }
    }
}

/// Path of a build, seen from `/usr/bin/lineside`: `/usr/lib/lineside/x86-64-v3/lineside`. Seen from that path there is none, so the chain ends
/// there.
fn build_of(level: CpuLevel, executable: &Path) -> Option<PathBuf> {
    let prefix = executable.parent()?.parent()?;
    Some(prefix.join("lib/lineside").join(level.name()).join(executable.file_name()?)).filter(|path| path.is_file())
}

/// Becomes the best build for this CPU that is installed beside this one; continues as it is when there is none.
///
/// The process stays the same, so systemd, EAGI and the shell notice nothing. It must be called first, because open files are lost.
pub fn become_the_best_build() {
    let Ok(executable) = std::env::current_exe() else { return };
    let cpu = CpuLevel::of_this_cpu();
    let mut better = [CpuLevel::V4, CpuLevel::V3].into_iter().filter(|&level| level <= cpu);
    let Some(best) = better.find_map(|level| build_of(level, &executable)) else { return };
    let mut words = std::env::args_os();
    let mut command = Command::new(&best);
    if let Some(name) = words.next() {
        command.arg0(name);
    }
    let error = command.args(words).exec();
    // Only speed is lost. The log does not run yet.
    eprintln!(
        "lineside: {}: {error}; going on with the build for any CPU: is the package whole? `dpkg --verify lineside`",
        best.display()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_whisper_says_of_its_kernels_is_read() {
        let said = |flags: &str| CpuLevel::said(&format!("WHISPER : COREML = 0 | OPENVINO = 0 | CPU : {flags}"));
        assert_eq!(said("SSE3 = 1 | SSSE3 = 1 | "), CpuLevel::V2);
        assert_eq!(said("AVX2 = 1 | F16C = 1 | FMA = 1 | BMI2 = 1 | "), CpuLevel::V3);
        assert_eq!(said("SSE3 = 1 | AVX2 = 1 | F16C = 1 | FMA = 1 | AVX512 = 1 | "), CpuLevel::V3);
        assert_eq!(said("AVX2 = 1 | F16C = 1 | FMA = 1 | AVX512 = 1 | AVX512_VNNI = 1 | REPACK = 1 | "), CpuLevel::V4);
        assert_eq!(said("AVX2 = 0 | F16C = 1 | FMA = 1"), CpuLevel::V2);
        assert_eq!(said(""), CpuLevel::V2);
    }

    #[test]
    fn a_build_is_looked_for_beside_the_executable_and_not_beside_itself() {
        let root = tempfile::tempdir().expect("temp dir");
        let best = root.path().join("lib/lineside/x86-64-v3/lineside");
        std::fs::create_dir_all(best.parent().expect("folder")).expect("mkdir");
        std::fs::write(&best, "").expect("write");
        let main = root.path().join("bin/lineside");
        assert_eq!(build_of(CpuLevel::V3, &main), Some(best.clone()));
        assert_eq!(build_of(CpuLevel::V4, &main), None);
        assert_eq!(build_of(CpuLevel::V3, &best), None);
    }
}
