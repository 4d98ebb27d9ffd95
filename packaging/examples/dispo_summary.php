<?php
// Target of a Dispo Call URL: VARhttp://WEB-SERVER/dispo_summary.php?uniqueid=--A--uniqueid--B--&lead_id=--A--lead_id--B--
// Prints a line that sums the call up. Where VICIDIAL_URL (http://server/vicidial/non_agent_api.php), VICIDIAL_USER and VICIDIAL_PASS are set in the
// environment, the line is written into the comments of the lead as well. On the command line: php dispo_summary.php uniqueid=… lead_id=…

if (PHP_SAPI === 'cli') {
    parse_str(implode('&', array_slice($argv, 1)), $_GET);
}
$uniqueid = $_GET['uniqueid'] ?? '';
$lead = $_GET['lead_id'] ?? '';

function ask(string $url, array $fields, array $headers): string
{
    $context = stream_context_create(['http' => [
        'method' => 'POST', 'timeout' => 5, 'ignore_errors' => true, 'content' => http_build_query($fields),
        'header' => array_merge(['Content-Type: application/x-www-form-urlencoded'], $headers),
    ]]);
    $answer = file_get_contents($url, false, $context);
    // Line ends alone: a tab at the end stands before an empty column.
    return $answer === false ? 'ERROR: no answer' : rtrim($answer, "\r\n");
}

$token = ['Authorization: Bearer ' . getenv('LINESIDE_TOKEN')];
$fields = ['function' => 'call_score', 'stage' => 'tab', 'header' => 'YES', 'uniqueid' => $uniqueid, 'limit' => 1];
$answer = ask(getenv('LINESIDE_URL') . '/vici', $fields, $token);
$lines = explode("\n", $answer);
if (strncmp($answer, 'ERROR:', 6) === 0 || count($lines) < 2) {
    fwrite(PHP_SAPI === 'cli' ? STDERR : fopen('php://stderr', 'w'), "$answer\n");
    exit(1);
}
$call = array_combine(explode("\t", $lines[0]), explode("\t", $lines[1]));
$summary = "sentiment {$call['sentiment']}, {$call['keywords']}: {$call['reason']}";
echo "$summary\n";

if (getenv('VICIDIAL_URL') && $lead !== '') {
    echo ask(getenv('VICIDIAL_URL'), [
        'source' => 'lineside', 'user' => getenv('VICIDIAL_USER'), 'pass' => getenv('VICIDIAL_PASS'), 'function' => 'update_lead',
        'lead_id' => $lead, 'comments' => substr($summary, 0, 250),
    ], []), "\n";
}
