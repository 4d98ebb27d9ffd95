//! Mail by a mail server, most often the one on this box.

use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::{SmtpTransport, Transport};

use super::service::{Notification, Notifier, SendOutcome};

/// For each answer of the server.
const PATIENCE: Duration = Duration::from_secs(20);

/// The sender and the receivers, or which address is none.
pub(super) fn addresses(notifier: &Notifier) -> Result<(Mailbox, Vec<Mailbox>), String> {
    let read = |text: &str| {
        text.parse::<Mailbox>().map_err(|error| format!("{}: {text:?} is no address: {error}", notifier.name))
    };
    let to = notifier.to.iter().map(|text| read(text)).collect::<Result<_, _>>()?;
    Ok((read(notifier.from.as_deref().unwrap_or_default())?, to))
}

pub(super) fn send(notifier: &Notifier, message: &Notification) -> SendOutcome {
    match mail(notifier, message) {
        Ok(mail) => deliver(notifier, &mail),
        Err(problem) => SendOutcome::Never(problem),
    }
}

fn mail(notifier: &Notifier, message: &Notification) -> Result<lettre::Message, String> {
    let (from, to) = addresses(notifier)?;
    let host = from.email.domain().to_owned();
    let builder = lettre::Message::builder()
        .from(from)
        .subject(message.subject.clone())
        .message_id(Some(format!("<alert-{}@{host}>", message.alert)));
    to.into_iter()
        .fold(builder, lettre::message::MessageBuilder::to)
        .header(ContentType::TEXT_PLAIN)
        .body(message.plain())
        .map_err(|error| error.to_string())
}

fn deliver(notifier: &Notifier, mail: &lettre::Message) -> SendOutcome {
    let transport = match SmtpTransport::from_url(notifier.url.as_deref().unwrap_or_default()) {
        Ok(builder) => builder.timeout(Some(PATIENCE)).build(),
        Err(error) => return SendOutcome::Never(error.to_string()),
    };
    match transport.send(mail) {
        Ok(_) => SendOutcome::Sent,
        Err(error) if error.is_permanent() => SendOutcome::Never(error.to_string()),
        Err(error) => SendOutcome::Later(error.to_string(), None),
    }
}
