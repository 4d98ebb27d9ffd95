//! Mail by a mail server, most often the one on this box.

use std::time::Duration;

use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart, header::ContentType};
use lettre::{SmtpTransport, Transport};

use super::service::{MailedFile, Notification, Notifier, SendOutcome};

/// Time limit for each answer of the server.
const PATIENCE: Duration = Duration::from_secs(20);

/// The sender and the receivers, or which address is none.
pub(super) fn addresses(notifier: &Notifier) -> Result<(Mailbox, Vec<Mailbox>), String> {
    let read = |text: &str| {
        text.parse::<Mailbox>().map_err(|error| format!("{:?}: {text:?} is no address: {error}", notifier.name))
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

/// Sends a file, as an attachment below a line of text. Its receivers are `to`, or those of the notifier where none is named.
pub(super) fn send_file(notifier: &Notifier, to: &[String], file: MailedFile) -> SendOutcome {
    let wanted = if to.is_empty() { notifier.clone() } else { Notifier { to: to.to_vec(), ..notifier.clone() } };
    match mail_with(&wanted, file) {
        Ok(mail) => deliver(&wanted, &mail),
        Err(problem) => SendOutcome::Never(problem),
    }
}

fn mail_with(notifier: &Notifier, file: MailedFile) -> Result<lettre::Message, String> {
    let (from, to) = addresses(notifier)?;
    let csv = ContentType::parse("text/csv; charset=utf-8").map_err(|error| error.to_string())?;
    let parts = MultiPart::mixed()
        .singlepart(SinglePart::plain(file.text))
        .singlepart(Attachment::new(file.name).body(file.csv, csv));
    to.into_iter()
        .fold(lettre::Message::builder().from(from).subject(file.subject), lettre::message::MessageBuilder::to)
        .multipart(parts)
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
