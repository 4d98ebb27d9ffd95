#!/usr/bin/perl
# Prints the calls of a lead, newest first: lead_history.pl 876409
use strict;
use warnings;
use HTTP::Tiny;

my $lead = shift or die "usage: lead_history.pl LEAD\n";
my $http = HTTP::Tiny->new(timeout => 10, default_headers => { Authorization => "Bearer " . ($ENV{LINESIDE_TOKEN} // "") });
my $query = $http->www_form_urlencode({ function => "call_score", stage => "tab", header => "YES", lead_id => $lead });
my $answer = $http->get("$ENV{LINESIDE_URL}/vici?$query");
die $answer->{content} if !$answer->{success} || $answer->{content} =~ /^ERROR:/;

my ($header, @rows) = split /\n/, $answer->{content};
my @columns = split /\t/, $header;
for (@rows) {
    my %call;
    @call{@columns} = split /\t/, $_, -1;
    print "$call{start_time}  agent $call{user}  $call{status}  sentiment $call{sentiment}  score $call{score}\n    $call{reason}\n";
}
