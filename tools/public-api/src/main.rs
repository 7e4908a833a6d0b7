//! `public-api-list RUSTDOC_JSON`: one line for each item of the public API.
//!
//! The JSON comes from `rustdoc --document-hidden-items`, because the library re-exports items of hidden
//! modules, and without that flag rustdoc leaves those items out. So this program drops the hidden
//! items that are not re-exported.

use std::collections::HashSet;
use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).context("usage: public-api-list RUSTDOC_JSON")?;
    let text = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
    let mut krate: Value = serde_json::from_str(&text)?;
    drop_hidden(&mut krate).context("rustdoc JSON has no index")?;
    let visible = format!("{path}.visible");
    fs::write(&visible, krate.to_string())?;
    // Blanket and auto trait implementations would be most of the lines. cargo-semver-checks reports
    // a type that is no longer `Send` or `Sync`.
    let api = public_api::Builder::from_rustdoc_json(&visible)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build()
        .with_context(|| format!("{path} cannot be read"))?;
    fs::remove_file(&visible)?;
    print!("{api}");
    Ok(())
}

/// Removes hidden items from the lists of what a module, a trait or an implementation contains. They
/// stay in the index, where a re-export finds them.
fn drop_hidden(krate: &mut Value) -> Option<()> {
    let index = krate.get_mut("index")?.as_object_mut()?;
    let hidden: HashSet<u64> =
        index.values().filter(|it| is_hidden(it)).filter_map(|it| it["id"].as_u64()).collect();
    for item in index.values_mut() {
        for kind in ["module", "trait", "impl"] {
            if let Some(items) = item.pointer_mut(&format!("/inner/{kind}/items")) {
                items
                    .as_array_mut()?
                    .retain(|id| id.as_u64().is_none_or(|id| !hidden.contains(&id)));
            }
        }
    }
    Some(())
}

fn is_hidden(item: &Value) -> bool {
    item["attrs"].to_string().contains("doc(hidden)")
}
