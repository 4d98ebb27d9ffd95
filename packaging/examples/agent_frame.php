<?php
// The agents' page for a Web Form or a Script's frame, without a token in anybody's hands: on ViciDial's own web server, as
// VARhttps://WEB-SERVER/agent_frame.php?user=--A--user--B--&uniqueid=--A--uniqueid--B--
// Asks lineside for a link that shows this agent's running call for an hour and nothing else, and leads the browser there. LINESIDE_PAGE is lineside's
// address as the agents' browsers reach it. On the command line it prints that address: php agent_frame.php user=1001
if (PHP_SAPI === 'cli') {
    parse_str(implode('&', array_slice($argv, 1)), $_GET);
}
$query = http_build_query(['user' => $_GET['user'] ?? '', 'seconds' => 3600]);
$context = stream_context_create(['http' => [
    'method' => 'POST', 'timeout' => 5, 'ignore_errors' => true, 'content' => '',
    'header' => ['Authorization: Bearer ' . getenv('LINESIDE_TOKEN'), 'Content-Length: 0'],
]]);
$answer = file_get_contents(getenv('LINESIDE_URL') . '/api/v1/agent/link?' . $query, false, $context);
$link = json_decode((string) $answer, true);
if (!isset($link['url'])) {
    http_response_code(502);
    fwrite(PHP_SAPI === 'cli' ? STDERR : fopen('php://stderr', 'w'), "no link: $answer\n");
    exit(1);
}
// The signature stands behind #: no server's log has it.
[$page, $signed] = explode('#', $link['url'], 2);
$uniqueid = ($_GET['uniqueid'] ?? '') === '' ? '' : '&' . http_build_query(['uniqueid' => $_GET['uniqueid']]);
$place = (getenv('LINESIDE_PAGE') ?: getenv('LINESIDE_URL')) . "$page$uniqueid#$signed";
if (PHP_SAPI === 'cli') {
    echo "$place\n";
} else {
    header("Location: $place", true, 303);
    header('Cache-Control: no-store');
}
