//! Finding a user: one read of one record.

use super::{Key, Record, UserRecord, decode};
use crate::error::{Fault, GateError, Refusal};
use crate::ports::CatalogPort;

/// The record of a key; `None` if there is none.
///
/// # Errors
/// [`Fault::CatalogUnavailable`]; [`Fault::CatalogCorrupt`] with the key.
pub async fn find_record<C: CatalogPort>(
    key: Key<'_>,
    catalog: &C,
) -> Result<Option<Record>, GateError> {
    let kv_key = key.to_kv();
    let value = catalog
        .read_catalog(&kv_key)
        .await
        .map_err(|failure| Fault::CatalogUnavailable(failure.0))?;
    let Some(value) = value else { return Ok(None) };
    decode(key, &value).map(Some).map_err(|corrupt| {
        catalog.forget(&kv_key);
        Fault::CatalogCorrupt(format!("{kv_key}: {}", corrupt.0)).into()
    })
}

/// The user of a key.
///
/// # Errors
/// As [`find_record`], and [`Refusal::UserNotFound`], [`Refusal::UserAmbiguous`].
pub async fn look_up<C: CatalogPort>(key: Key<'_>, catalog: &C) -> Result<UserRecord, GateError> {
    match find_record(key, catalog).await? {
        Some(Record::One(user)) => Ok(user),
        Some(Record::Many(_)) => Err(Refusal::UserAmbiguous.into()),
        None => Err(Refusal::UserNotFound.into()),
    }
}
