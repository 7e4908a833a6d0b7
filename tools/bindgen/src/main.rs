//! `bindgen INPUT.wasm OUT_DIR`: writes `glue.js` and `glue_bg.wasm` into `OUT_DIR`.
//!
//! The same as the `wasm-bindgen` command line with the flags the Worker needs, without the test
//! runner and web server that come with it, which take minutes to compile.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(input), Some(out_dir), None) = (args.next(), args.next(), args.next()) else {
        eprintln!("usage: bindgen INPUT.wasm OUT_DIR");
        return ExitCode::from(2);
    };
    match generate(&input, &out_dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn generate(input: &PathBuf, out_dir: &PathBuf) -> Result<()> {
    Bindgen::new()
        .input_path(input)
        .out_name("glue")
        // Imports the wasm as a `WebAssembly.Module`, which is what workerd hands out, and
        // instantiates it itself: only so can it be instantiated a second time.
        .module(true)?
        // `__wbg_reset_state`, with which src/worker/recovery.mjs replaces a trapped instance.
        .reset_state_function(true)
        .typescript(false)
        .generate(out_dir)
        .with_context(|| format!("{} could not be processed", input.display()))
}
