//! The bindings. What they say wrong is said, and no secret with it.
#![no_main]

use backstage_cfaccess::config::{AppCode, Config, RawConfig};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n').map(str::to_owned);
    let source =
        RawConfig { cfaccess: lines.next(), backstage: lines.next(), signing_keys: lines.next() };
    match Config::read(&source, &AppCode::default()) {
        Ok(config) => {
            assert!(!config.access.audience.is_empty());
            assert!(!config.sign_in.resolvers.is_empty());
            assert!((600..=86_400).contains(&config.backstage.token_life));
            assert!(config.backstage.public_paths.iter().all(|path| path.len() > 1));
        }
        Err(problems) => assert!(!problems.is_empty()),
    }
});
