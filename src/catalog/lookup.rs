//! Finding a user: one read of one record.

use super::{Key, Record, UserRecord, decode};
use crate::error::{Fault, GateError, Refusal};
use crate::ports::CatalogPort;

/// The user whom a key finds.
///
/// # Errors
/// [`Refusal::UserNotFound`], [`Refusal::UserAmbiguous`]; [`Fault::CatalogUnavailable`],
/// [`Fault::CatalogCorrupt`] with the key.
pub async fn look_up<C: CatalogPort>(key: Key<'_>, catalog: &C) -> Result<UserRecord, GateError> {
    let kv_key = key.to_kv();
    let value = catalog
        .read_catalog(&kv_key)
        .await
        .map_err(|failure| Fault::CatalogUnavailable(failure.0))?
        .ok_or(Refusal::UserNotFound)?;
    match decode(key, &value) {
        Ok(Record::One(user)) => Ok(user),
        Ok(Record::Many(_)) => Err(Refusal::UserAmbiguous.into()),
        Err(corrupt) => {
            catalog.forget(&kv_key);
            Err(Fault::CatalogCorrupt(format!("{kv_key}: {}", corrupt.0)).into())
        }
    }
}
