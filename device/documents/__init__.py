"""What programs are told: the JSON documents of the command line and of the control socket."""
