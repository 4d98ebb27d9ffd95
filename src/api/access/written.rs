//! A token that the configuration names.

use super::limits;
use crate::call::WallTime;
use crate::store::change::Change;
use crate::store::tokens::{AccessChange, CONFIGURED, Kept, hash};
use crate::store::{Store, StoreError};

/// A token of the configuration, as it is kept.
pub(super) struct Written {
    pub(super) hash: [u8; 32],
    /// Nobody finds it by trying.
    pub(super) is_made: bool,
    /// Finds its row; empty without one.
    pub(super) selector: String,
}

impl Written {
    pub(super) fn read(token: Option<&str>) -> Option<Self> {
        let token = token.filter(|token| !token.is_empty())?;
        Some(Self { hash: hash(token), is_made: limits::is_made(token), selector: String::new() })
    }

    /// The same with a row, to which logins belong and feeds are tied. It goes, with both, when the configuration names another token or none.
    pub(super) async fn with_row(token: Option<&str>, store: &Store, at: WallTime) -> Result<Option<Self>, StoreError> {
        let there = store.token_named(CONFIGURED).await?;
        let set = |kept| store.writer().commit(vec![Change::Access(AccessChange::Configured { kept, at })]);
        let (Some(written), Some(token)) = (Self::read(token), token) else {
            if there.is_some() {
                set(None).await?;
            }
            return Ok(None);
        };
        if let Some(row) = there
            && row.kept == Kept::configured(row.kept.selector.clone(), token)
        {
            return Ok(Some(Self { selector: row.kept.selector, ..written }));
        }
        let fresh = Kept::fresh("configured").map_err(|error| StoreError::Random(error.to_string()))?;
        let kept = Kept::configured(fresh.1.selector, token);
        let selector = kept.selector.clone();
        set(Some(kept)).await?;
        Ok(Some(Self { selector, ..written }))
    }

    pub(super) fn is(&self, shown: &[u8; 32]) -> bool {
        subtle::ConstantTimeEq::ct_eq(&self.hash[..], &shown[..]).into()
    }
}
