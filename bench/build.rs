//! Builds what stands between the benchmarks and C libraries, for the features that ask for it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "ipsec-mb")]
    {
        println!("cargo:rerun-if-changed=srtp/ipsec_mb.c");
        cc::Build::new()
            .file("srtp/ipsec_mb.c")
            .opt_level(3)
            .compile("bench_ipsec_mb");
        println!("cargo:rustc-link-lib=IPSec_MB");
    }
}
