//! The command line. Native only.

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    backstage_cfaccess::cli::run()
}

#[cfg(target_arch = "wasm32")]
fn main() {}
