//! Cargo's build script: how the binary is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Rust's own linker for x86-64 leaves the constructors of C++ where they fall, one page of code or another for each of two hundred of them;
    // GNU ld, which links for arm64, puts them together unasked.
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,keep-text-section-prefix");
        if std::env::var_os("CARGO_FEATURE_CTRANSLATE2").is_some() {
            // What CTranslate2 asks oneDNN for goes by way of src/speech/small_batch_gemm.rs.
            println!("cargo::rustc-link-arg=-Wl,--wrap=dnnl_gemm_u8s8s32");
        }
    }
}
