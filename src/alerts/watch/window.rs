//! The part of a call that counts for a rule.

use crate::text::rule::Window;

/// Whether what counts is only known when the call is over.
pub(super) fn needs_length(window: Window) -> bool {
    matches!(window, Window::Last(_) | Window::FirstShare(_) | Window::LastShare(_))
}

/// Whether something that begins at this time can lie in the window, as far as that is known while the call runs.
pub(super) fn begins_in(window: Window, at_ms: i64) -> bool {
    match window {
        Window::First(ms) => at_ms < ms,
        _ => true,
    }
}

/// A window in a call of known length.
pub(super) fn span(window: Window, length_ms: i64) -> (i64, i64) {
    let share = |share: f64| (length_ms as f64 * share) as i64;
    match window {
        Window::Whole => (0, length_ms),
        Window::First(ms) => (0, ms.min(length_ms)),
        Window::Last(ms) => ((length_ms - ms).max(0), length_ms),
        Window::FirstShare(first) => (0, share(first)),
        Window::LastShare(last) => (length_ms - share(last), length_ms),
    }
}

/// Seconds as a person writes them: 30, 1.5.
pub(super) fn seconds(ms: i64) -> f64 {
    (ms as f64 / 100.0).round() / 10.0
}
