"""Work that takes longer than a request may.

A job is a row of :class:`~jobs.models.Job`; that row alone says what is to be
done and how it stands.  django-q2 brings wake-up calls to the worker processes;
losing one costs seconds, never a job.

* :mod:`.kinds` what can be done: functions in ``tasks.py`` of the apps
* :mod:`.services` submit, cancel, look at jobs
* :mod:`.leases` who works on a job: claim, renew, take back from the dead
* :mod:`.runner` in the worker: one child process for each job, and its end
* :mod:`.execution` in the child: limits, the function, its result
* :mod:`.cluster` the worker itself and its watchdog
* :mod:`.processes` what Linux knows about processes

The worker renews the lease of a job while it watches over it.  A lease that ran
out is noticed by the watchdog and by whoever looks at the job; the job is
queued again, or fails once its attempts are used up.  Each claim raises
``attempt``, and whatever a child writes names its attempt, so a child that was
given up cannot spoil what its successor does.
"""
