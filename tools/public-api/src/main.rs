//! `public-api-list RUSTDOC_JSON`: one line for each item of the public API. Hidden items are not in
//! rustdoc JSON, so they are not listed.

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let path = std::env::args().nth(1).context("usage: public-api-list RUSTDOC_JSON")?;
    // Blanket and auto trait implementations would be most of the lines. cargo-semver-checks reports
    // a type that is no longer `Send` or `Sync`.
    let api = public_api::Builder::from_rustdoc_json(&path)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build()
        .with_context(|| format!("{path} cannot be read"))?;
    print!("{api}");
    Ok(())
}
