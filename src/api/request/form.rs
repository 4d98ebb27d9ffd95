//! Multipart forms, whose parts have heads of bounded length.
//!
//! The parser keeps a head until its end has come, and looks for that end from the beginning each time. So what may come between two parts is bounded,
//! and it is given one chunk at a time.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::extract::{FromRequest, Multipart, Request};
use hyper::body::{Frame, SizeHint};

/// Bytes between two parts at most: a head has a few hundred.
const HEAD: u64 = 64 * 1024;
/// No head is being read.
const INSIDE: u64 = u64::MAX;

/// A mistake in a part's head.
#[derive(Debug, thiserror::Error)]
#[error("the head of a part is longer than {HEAD} bytes")]
struct LongHead;

/// A form as it comes in.
pub(in crate::api) struct Form {
    parts: Multipart,
    between: Arc<AtomicU64>,
}

impl Form {
    /// The next part. The one before must be read to its end.
    pub(in crate::api) async fn next_field(&mut self) -> Result<Option<Field<'_>>, MultipartError> {
        self.between.store(0, Ordering::Relaxed);
        let field = self.parts.next_field().await;
        self.between.store(INSIDE, Ordering::Relaxed);
        field
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = MultipartRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, MultipartRejection> {
        let between = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&between);
        let request = request.map(|inner| Body::new(Counted { inner, between: counted, rest: false }));
        Ok(Self { parts: Multipart::from_request(request, state).await?, between })
    }
}

/// A body that ends with an error where a head is too long.
struct Counted {
    inner: Body,
    between: Arc<AtomicU64>,
    /// Whether the reader is to look at what it has first.
    rest: bool,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if std::mem::take(&mut self.rest) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = self.between.load(Ordering::Relaxed);
        if before != INSIDE && before > HEAD {
            return Poll::Ready(Some(Err(LongHead.into())));
        }
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(context));
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()).and_then(Frame::data_ref) {
            self.rest = true;
            if before != INSIDE {
                self.between.store(before.saturating_add(data.len() as u64), Ordering::Relaxed);
            }
        }
        Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::into_inner)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
