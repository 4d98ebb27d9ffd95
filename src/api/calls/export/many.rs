//! Many calls in one file, which is written while the client takes it.

use std::vec::IntoIter;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::{Stream, stream};

use super::{CSV_HEAD, Format, csv, file, text};
use crate::api::access::grant::Access;
use crate::api::calls::shown::Whole;
use crate::api::request::ApiError;
use crate::pipeline::finished::calls_csv::{CALLS_HEAD, call_row};
use crate::priority;
use crate::store::Store;

/// Format of a file with many calls; the default is CSV.
pub(in crate::api) fn many(word: Option<&str>) -> Result<Format, &'static str> {
    let word = word.unwrap_or("csv");
    let format = if word == "calls" { Some(Format::Calls) } else { Format::parse(word) };
    format
        .filter(|format| matches!(format, Format::Json | Format::Text | Format::Csv | Format::Calls))
        .ok_or("format: many calls in one file go as json, text, csv or calls")
}

/// One file with all of these calls, by their ids. It is written call by call as the client takes it: no more than one call is in memory, and when
/// the client is gone nothing more is read. An error breaks the answer off, so that nobody takes the part for the whole.
pub(in crate::api) fn together(store: &Store, access: &Access, ids: Vec<String>, format: Format) -> Response {
    let (store, access) = (store.clone(), access.clone());
    let read = move |id: String| {
        let (store, access) = (store.clone(), access.clone());
        async move {
            // Looked up again, for hours may have passed: a call that was deleted meanwhile, or is another campaign's now, is left out.
            let Some(call) = access.call(&store, &id).await? else { return Ok(None) };
            Whole::read(&store, call).await.map(Some)
        }
    };
    file("calls", format, Body::from_stream(pieces(ids, format, read, piece)))
}

/// State of the writing of a file.
struct Writing<R> {
    ids: IntoIter<String>,
    read: R,
    /// Number of calls written so far.
    written: usize,
    over: bool,
}

/// The file piece by piece, one for each call.
fn pieces<T, R, F>(
    ids: Vec<String>,
    format: Format,
    read: R,
    make: fn(&T, Format, usize) -> String,
) -> impl Stream<Item = Result<Bytes, std::io::Error>>
where
    T: Send + 'static,
    R: FnMut(String) -> F,
    F: Future<Output = Result<Option<T>, ApiError>>,
{
    let start = Writing { ids: ids.into_iter(), read, written: 0, over: false };
    stream::try_unfold(start, move |mut writing| async move {
        if writing.over {
            return Ok(None);
        }
        while let Some(id) = writing.ids.next() {
            let failed = |problem: String| {
                log::error!("export: broken off at call {id}: {problem}");
                std::io::Error::other(problem)
            };
            let read = (writing.read)(id.clone()).await.map_err(|error| failed(format!("{error:?}")))?;
            let Some(whole) = read else { continue };
            let number = writing.written;
            writing.written += 1;
            // Away from the threads that serve sockets: an hour of talk is a megabyte of JSON.
            let text = priority::aside(move || make(&whole, format, number));
            let text = text.await.map_err(|error| failed(error.to_string()))?;
            return Ok(Some((Bytes::from(text), writing)));
        }
        writing.over = true;
        Ok(Some((Bytes::from(end(format, writing.written)), writing)))
    })
}

/// A call in the file, with what stands before it.
fn piece(whole: &Whole, format: Format, number: usize) -> String {
    let first = number == 0;
    match format {
        // A line break in a JSON text is never part of a value.
        Format::Json => {
            let open = if first { "[\n  " } else { ",\n  " };
            format!("{open}{}", whole.pretty().replace('\n', "\n  "))
        }
        Format::Csv => format!("{}{}", if first { CSV_HEAD } else { "" }, csv(&whole.call, &whole.rows)),
        Format::Calls => format!("{}{}", if first { CALLS_HEAD } else { "" }, call_row(&whole.call)),
        _ => text(&whole.call, &whole.rows) + "\n",
    }
}

/// End of a file with this many calls.
fn end(format: Format, calls: usize) -> &'static str {
    match (format, calls) {
        (Format::Json, 0) => "[]\n",
        (Format::Json, _) => "\n]\n",
        (Format::Csv, 0) => CSV_HEAD,
        (Format::Calls, 0) => CALLS_HEAD,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::{StreamExt, TryStreamExt};

    use super::*;

    /// Ids that are read as texts; how many were asked for.
    fn file_of(ids: usize) -> (impl Stream<Item = Result<Bytes, std::io::Error>>, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let read = move |id: String| {
            count.fetch_add(1, Ordering::Relaxed);
            std::future::ready(match id.as_str() {
                "gone" => Ok(None),
                "7777" => Err(ApiError::Unavailable("the disk is on fire".into())),
                _ => Ok(Some(id)),
            })
        };
        let mut ids: Vec<String> = (0..ids).map(|id| id.to_string()).collect();
        ids.insert(1, "gone".into());
        let make = |id: &String, _: Format, number: usize| format!("{number}:{id} ");
        (pieces(ids, Format::Json, read, make), asked)
    }

    #[tokio::test]
    async fn a_file_of_ten_thousand_calls_is_made_as_it_is_taken_and_not_after_its_taker_is_gone() {
        let (file, asked) = file_of(10_000);
        let mut file = Box::pin(file);
        let mut took = Vec::new();
        for _ in 0..3 {
            took.push(file.next().await.expect("goes on").expect("well"));
        }
        assert_eq!(took.concat(), b"0:0 1:1 2:2 ");
        assert_eq!(asked.load(Ordering::Relaxed), 4, "one that is not there any more, and nothing ahead of its time");
        drop(file);
        assert_eq!(asked.load(Ordering::Relaxed), 4);

        let (file, _) = file_of(3);
        let all: Vec<Bytes> = file.try_collect().await.expect("well");
        assert_eq!(all.concat(), b"0:0 1:1 2:2 \n]\n");

        let (file, asked) = file_of(10_000);
        let all: Result<Vec<Bytes>, _> = file.try_collect().await;
        assert!(all.is_err_and(|error| error.to_string().contains("on fire")), "no whole file");
        assert_eq!(asked.load(Ordering::Relaxed), 7779);
    }
}
